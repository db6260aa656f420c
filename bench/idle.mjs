// How long `npm start` takes until it is ready, and what all its processes hold in memory when idle.
//   npm run bench:idle [-- starts]
// RSS counts pages that processes share (Postgres's buffers, Node's own text) once per process; PSS counts them once.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './predict/service.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const starts = Number(process.argv[2] ?? 3);
/** Longer than a connection to Postgres is kept that nobody uses. */
const SETTLE_MS = 10_000;
const ROLES = [
  ['api', 'dist/src/main.js'],
  ['worker', 'dist/workers/main.js'],
  ['predict', 'dist/workers/serving/main.js'],
  ['postgres', 'postgres'],
];

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** `pid` and all below it: `{ pid, command }`. */
function treeOf(pid) {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
        return [
          { pid: Number(name), parent, command: readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ') },
        ];
      } catch {
        return [];
      }
    });
  const found = all.filter((one) => one.pid === pid);
  for (let i = 0; i < found.length; i++) found.push(...all.filter((one) => one.parent === found[i].pid));
  return found;
}

function memoryOf(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const of = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) / 1024;
  return { rss: of('Rss'), pss: of('Pss') };
}

/** A first start goes on with checking the bases that come along. */
async function idle(address) {
  for (;;) {
    const { data } = await (await fetch(`${address}/v1/bases`)).json();
    if (data.length > 0 && data.every(({ state }) => state === 'ready')) return;
    await pause(200);
  }
}

async function once(home) {
  const port = await freePort();
  const startedAt = performance.now();
  const child = spawn(process.execPath, ['scripts/start.mjs'], {
    cwd: root,
    env: { ...process.env, GRAFT_HOME: home, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.status === 200) break;
    if (child.exitCode !== null) throw new Error(`npm start ended with ${child.exitCode}`);
    await pause(20);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  await idle(`http://127.0.0.1:${port}`);
  await pause(SETTLE_MS);
  const rows = new Map();
  for (const { pid, command } of treeOf(child.pid)) {
    const role = ROLES.find(([, mark]) => command.includes(mark))?.[0] ?? (pid === child.pid ? 'supervisor' : 'other');
    const { rss, pss } = memoryOf(pid);
    const row = rows.get(role) ?? { processes: 0, rss: 0, pss: 0 };
    rows.set(role, { processes: row.processes + 1, rss: row.rss + rss, pss: row.pss + pss });
  }
  const endedAt = performance.now();
  child.kill('SIGTERM');
  await gone;
  return { seconds, endSeconds: (performance.now() - endedAt) / 1000, rows };
}

const home = mkdtempSync(join(tmpdir(), 'graft-idle-'));
try {
  for (let n = 0; n < starts; n++) {
    const { seconds, endSeconds, rows } = await once(home);
    const total = [...rows.values()].reduce((sum, row) => ({ rss: sum.rss + row.rss, pss: sum.pss + row.pss }), {
      rss: 0,
      pss: 0,
    });
    console.log(
      `start ${n + 1} (${n === 0 ? 'new home' : 'warm'}): ready after ${seconds.toFixed(2)} s, ended in ${endSeconds.toFixed(2)} s`,
    );
    for (const [role, { processes, rss, pss }] of rows)
      console.log(
        `  ${role.padEnd(10)} ${String(processes).padStart(2)} processes  RSS ${rss.toFixed(0).padStart(4)} MiB  PSS ${pss.toFixed(0).padStart(4)} MiB`,
      );
    console.log(
      `  ${'all'.padEnd(10)}              RSS ${total.rss.toFixed(0).padStart(4)} MiB  PSS ${total.pss.toFixed(0).padStart(4)} MiB`,
    );
  }
} finally {
  rmSync(home, { recursive: true, force: true });
}
