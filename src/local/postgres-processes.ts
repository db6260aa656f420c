import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Title of a cluster's processes in the process list, so that its backends can be told from another's. */
export interface ClusterMarks {
  readonly dataDir: string;
  readonly clusterName: string;
}

/** Ids of all live processes of the Postgres on this data directory, its postmaster (which has `-D` on it) included. */
export function postgresProcesses({ dataDir, clusterName }: ClusterMarks): readonly number[] {
  return commandLines()
    .filter(({ pid, line }) => {
      if (pid === process.pid) return false;
      if (line.startsWith(`postgres: ${clusterName}: `)) return true;
      return /(^|\/)postgres /.test(line) && line.includes(` -D ${dataDir} `);
    })
    .map(({ pid }) => pid);
}

function commandLines(): readonly { pid: number; line: string }[] {
  if (process.platform === 'linux') {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        try {
          // A zombie has no command line any more; a process title ends in padding.
          const line = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
          return line === '' ? [] : [{ pid: Number(name), line }];
        } catch {
          return [];
        }
      });
  }
  return execFileSync('ps', ['-axo', 'pid=,command='], { encoding: 'utf8' })
    .split('\n')
    .flatMap((row) => {
      const found = /^\s*(\d+)\s+(.*)$/.exec(row);
      return found === null ? [] : [{ pid: Number(found[1]), line: `${found[2]!} ` }];
    });
}

/** When a process was started, in words that differ between two processes that had the same id; null: not running. */
export function processBirth(pid: number): string | null {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (fields[0] === 'Z') return null;
      const boot = existsSync('/proc/sys/kernel/random/boot_id')
        ? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
        : '';
      return `${boot} ${fields[19]}`;
    } catch {
      return null;
    }
  }
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null;
  } catch {
    return null;
  }
}

/** Sends each signal in turn until no process is left, waiting as long as it says. Milliseconds. */
export async function endPostgres(
  marks: ClusterMarks,
  postmaster: () => number | null,
  steps: readonly { signal: NodeJS.Signals; wait: number }[],
): Promise<boolean> {
  for (const { signal, wait } of steps) {
    const main = postmaster();
    const left = postgresProcesses(marks);
    if (left.length === 0) return true;
    // Only the postmaster understands the shutdown signals; without one, its orphans are told one by one.
    for (const pid of main !== null && left.includes(main) && signal !== 'SIGKILL' ? [main] : left) {
      try {
        process.kill(pid, signal);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EPERM') {
          throw new Error(`Postgres process ${pid} on ${marks.dataDir} belongs to another user: end it first.`);
        }
      }
    }
    for (const end = Date.now() + wait; Date.now() < end; ) {
      if (postgresProcesses(marks).length === 0) return true;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
  return postgresProcesses(marks).length === 0;
}
