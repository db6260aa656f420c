import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, open, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { lockDirectory } from './directory-lock.js';
import { findPostgres, type PostgresBinaries, planRunner, type Runner } from './postgres-binaries.js';
import { type ClusterMarks, endPostgres, postgresProcesses } from './postgres-processes.js';

export interface EmbeddedPostgres {
  /** Over loopback, password included: not for logs. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Settles when Postgres has ended, asked to or not. */
  readonly exited: Promise<void>;
  /** Ends it in order: open transactions are rolled back, what is committed is on disk. */
  stop(): Promise<void>;
}
export interface EmbeddedPostgresOptions {
  readonly dir: string;
  readonly log?: (line: string) => void;
  /** More `postgresql.conf` settings; tests that lose nothing by it switch `fsync` off. */
  readonly settings?: Readonly<Record<string, string>>;
}

const NAME = 'graft';
const READY_MS = 300_000;

/**
 * Small in memory and few processes. `fsync` and `synchronous_commit` stay on: an accepted job was answered with 202,
 * and with either off, a `kill -9` of Postgres or a power cut would forget the last second of such answers.
 */
const SETTINGS = {
  // Each connection maps what it has touched of them, and keeps that; the system's own cache holds the rest.
  shared_buffers: '16MB',
  max_connections: '60',
  work_mem: '4MB',
  maintenance_work_mem: '32MB',
  huge_pages: 'off',
  io_method: 'sync',
  max_worker_processes: '2',
  max_parallel_workers_per_gather: '0',
  max_logical_replication_workers: '0',
  autovacuum_max_workers: '1',
  wal_level: 'minimal',
  max_wal_senders: '0',
  min_wal_size: '32MB',
  max_wal_size: '256MB',
  log_checkpoints: 'off',
  log_min_messages: 'warning',
  jit: 'off',
  timezone: 'UTC',
};

/**
 * Starts the one Postgres of `dir`: made on the first start, recovered after a crash, and a Postgres that an earlier,
 * killed supervisor left running is ended first. It listens on a loopback port (the last one, if that is free, so that
 * its clients find it again) and a socket in `dir`, with a random password kept in `dir/password`, so other users of
 * the machine cannot get in. On Linux with util-linux it also ends when this process is killed.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  await mkdir(options.dir, { recursive: true });
  const dir = await realpath(resolve(options.dir));
  const log = options.log ?? (() => {});
  const lock = await lockDirectory(dir);
  try {
    const binaries = await findPostgres(join(dir, 'lib'));
    const runner = await planRunner([dirname(binaries.postgres), dir]);
    const dataDir = join(dir, 'data');
    const hash = createHash('sha256').update(dataDir).digest('hex').slice(0, 12);
    const marks: ClusterMarks = { dataDir, clusterName: `${NAME}-${hash}` };
    await endLeftovers(marks, log);
    const settings = { ...SETTINGS, ...options.settings };
    const password = await prepare(dir, dataDir, binaries, runner, settings, log);
    const socketDir = await makeSocketDir(dir, runner);
    for (let tries = 0; ; tries++) {
      const port = await freePort(tries === 0 ? await lastPort(dir) : 0);
      const child = await launch({ dir, dataDir, socketDir, port, binaries, runner, marks, settings });
      const exited = new Promise<void>((done) => child.once('exit', () => done()));
      const problem = await ready(child, exited, dir, dataDir);
      if (problem === null) {
        await writeFile(join(dir, 'port'), String(port));
        const stop = async () => {
          await endPostgres(marks, () => child.pid!, [
            { signal: 'SIGINT', wait: 20_000 },
            { signal: 'SIGQUIT', wait: 5000 },
            { signal: 'SIGKILL', wait: 2000 },
          ]);
          await exited;
          await lock.release();
        };
        const url = `postgres://${NAME}:${password}@127.0.0.1:${port}/${NAME}`;
        return { url, port, pid: child.pid!, exited, stop: once(stop) };
      }
      await endPostgres(marks, () => child.pid ?? null, [{ signal: 'SIGQUIT', wait: 5000 }]);
      if (tries < 3 && /Address already in use|shared memory block .* still in use/.test(problem)) continue;
      throw new Error(`Postgres in ${dir} does not start:\n${problem}`);
    }
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  return () => {
    running ??= run();
    return running;
  };
}

/** Ends what a killed supervisor left running, and removes a `postmaster.pid` whose number now is another process's. */
async function endLeftovers(marks: ClusterMarks, log: (line: string) => void): Promise<void> {
  const pidFile = join(marks.dataDir, 'postmaster.pid');
  const written = Number((await readFile(pidFile, 'utf8').catch(() => '')).split('\n')[0]) || null;
  const running = postgresProcesses(marks);
  if (running.length > 0) {
    log(`ending the Postgres that an earlier run left behind (process ${written ?? running[0]})`);
    // Without its postmaster, an orphan sees that by itself and ends; nothing may start while one still writes.
    // A killed one is gone only when the disk has answered it, which on a busy machine takes a while.
    const ended = await endPostgres(marks, () => written, [
      { signal: 'SIGINT', wait: 15_000 },
      { signal: 'SIGQUIT', wait: 5000 },
      { signal: 'SIGKILL', wait: 30_000 },
    ]);
    if (!ended)
      throw new Error(
        `Postgres process ${postgresProcesses(marks)[0]}, which an earlier run left on ${marks.dataDir}, does not end, not even by SIGKILL: look at what it waits for (the disk, mostly), and start again once it is gone.`,
      );
  } else if (written !== null) {
    // After a restart of the machine or container the number may be someone else's, which Postgres would respect.
    await rm(pidFile, { force: true });
  }
}

/** Makes the cluster on the first start, whole or not at all. Returns the password. */
async function prepare(
  dir: string,
  dataDir: string,
  binaries: PostgresBinaries,
  runner: Runner,
  settings: Readonly<Record<string, string>>,
  log: (line: string) => void,
): Promise<string> {
  const passwordFile = join(dir, 'password');
  if ((await stat(dataDir).catch(() => null)) !== null) {
    return (await readFile(passwordFile, 'utf8')).trim();
  }
  log('preparing the database');
  const password = randomBytes(24).toString('hex');
  await rm(passwordFile, { force: true });
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  const work = join(dir, 'new');
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { mode: 0o700 });
  const secret = join(work, 'password');
  await writeFile(secret, `${password}\n`, { mode: 0o600 });
  if (runner.owner !== null) {
    for (const path of [secret, work]) await chown(path, runner.owner.uid, runner.owner.gid);
  }
  const made = join(work, 'data');
  const run = (program: string, args: string[], input = '') => complete(binaries, runner, program, args, input);
  const who = ['-U', NAME, '-A', 'scram-sha-256', `--pwfile=${secret}`];
  // One sync of everything at the end instead of one per step.
  await run(binaries.initdb, ['-D', made, ...who, '--locale=C', '-E', 'UTF8', '--no-instructions', '--no-sync']);
  const single = ['--single', '-j', '-D', made, '-c', 'fsync=off', 'postgres'];
  await run(binaries.postgres, single, `create database ${NAME};\n\n`);
  if (settings.fsync !== 'off') await run(binaries.initdb, ['-D', made, '--sync-only']);
  await rename(made, dataDir);
  await rm(work, { recursive: true, force: true });
  return password;
}

/** Runs a program of Postgres to its end; throws with what it said if it fails. */
async function complete(
  binaries: PostgresBinaries,
  runner: Runner,
  program: string,
  args: string[],
  input: string,
): Promise<void> {
  const { file, args: all } = runner.command(program, args, true);
  const child = spawn(file, all, { ...runner.spawnAs, cwd: '/', env: environment(binaries), stdio: 'pipe' });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const code = await new Promise<number | null>((done, fail) => child.once('error', fail).once('close', done));
  // A single-user backend ends with 0 whatever its statement did.
  if (code !== 0 || /^(.*\s)?(ERROR|FATAL|PANIC):/m.test(said)) {
    throw new Error(`${program} ${args.join(' ')} failed (${code}):\n${said.slice(-2000)}`);
  }
}

function environment(binaries: PostgresBinaries): NodeJS.ProcessEnv {
  return { ...binaries.env, PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
}

/** A path for Unix sockets is at most 107 bytes long (103 on macOS); too long a folder goes without. */
async function makeSocketDir(dir: string, runner: Runner): Promise<string> {
  const path = join(dir, 'run');
  if (Buffer.byteLength(path) > 80) return '';
  await mkdir(path, { recursive: true, mode: 0o700 });
  if (runner.owner !== null) await chown(path, runner.owner.uid, runner.owner.gid);
  await chmod(path, 0o700);
  // Nothing runs on these files by now. Postgres would respect a lock whose writer is dead and not yet reaped, or whose
  // number is another process's.
  for (const name of await readdir(path)) if (name.startsWith('.s.PGSQL.')) await rm(join(path, name), { force: true });
  return path;
}

async function lastPort(dir: string): Promise<number> {
  const port = Number(await readFile(join(dir, 'port'), 'utf8').catch(() => '0'));
  return Number.isInteger(port) && port > 1023 && port < 65_536 ? port : 0;
}

/** `wanted` if nobody listens there, else any. */
async function freePort(wanted: number): Promise<number> {
  const server = createServer();
  const listen = (port: number) =>
    new Promise<void>((done, fail) => server.once('error', fail).listen(port, '127.0.0.1', done));
  await listen(wanted).catch(() => listen(0));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

interface Launch {
  readonly dir: string;
  readonly dataDir: string;
  readonly socketDir: string;
  readonly port: number;
  readonly binaries: PostgresBinaries;
  readonly runner: Runner;
  readonly marks: ClusterMarks;
  readonly settings: Readonly<Record<string, string>>;
}

async function launch(at: Launch): Promise<ChildProcess> {
  const fixed = {
    port: String(at.port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: at.socketDir,
    unix_socket_permissions: '0700',
    cluster_name: at.marks.clusterName,
  };
  const args = ['-D', at.dataDir];
  for (const [name, value] of Object.entries({ ...at.settings, ...fixed })) args.push('-c', `${name}=${value}`);
  const { file, args: all } = at.runner.command(at.binaries.postgres, args, true);
  const output = await open(join(at.dir, 'postgres.log'), 'w', 0o600);
  try {
    // A session of its own: Ctrl-C is for the supervisor, which ends Postgres last.
    const stdio = ['ignore', output.fd, output.fd] as const;
    const child = spawn(file, all, {
      ...at.runner.spawnAs,
      cwd: '/',
      env: environment(at.binaries),
      stdio: [...stdio],
      detached: true,
    });
    await new Promise<void>((done, fail) => child.once('error', fail).once('spawn', done));
    return child;
  } finally {
    await output.close();
  }
}

/** Waits until it takes connections; else says why not. Recovery after a crash may take a while. */
async function ready(child: ChildProcess, exited: Promise<void>, dir: string, dataDir: string): Promise<string | null> {
  const gone = exited.then(() => true);
  for (const end = Date.now() + READY_MS; Date.now() < end; ) {
    const lines = (await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return null;
    const pause = new Promise<false>((done) => setTimeout(() => done(false), 15));
    if (await Promise.race([gone, pause])) break;
  }
  const said = await readFile(join(dir, 'postgres.log'), 'utf8').catch(() => '');
  return said.trim().slice(-2000) || `no word from it in ${READY_MS / 1000} s`;
}
