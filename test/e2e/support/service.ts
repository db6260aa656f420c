import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from '../../support/net.js';
import { isAlive, treeOf } from './processes.js';

export const ROOT = resolve(import.meta.dirname, '../../..');
/** The key of a service that needs one. */
export const ADMIN_KEY = 'grft_end-to-end-tests-know-this-key-0000';

export interface Service {
  readonly url: string;
  readonly home: string;
  /** What `npm start` runs; its pid is the supervisor's. */
  readonly supervisor: ChildProcess;
  /** What it printed so far. */
  output(): string;
  /** Headers that every request needs: none where this machine needs no key. */
  readonly headers: Readonly<Record<string, string>>;
  pidOf(role: 'api' | 'worker' | 'predict' | 'postgres'): number;
  /** The supervisor and everything below it, now. */
  pids(): readonly number[];
  /** Resolves when `/readyz` answers 200; throws, with what was printed, after `ms`. */
  ready(ms?: number): Promise<void>;
  /** SIGTERM, and the exit code. Keeps the home, so that another can be started on it. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
  /** Ends what still runs and removes the home. */
  stop(): Promise<void>;
}
export interface ServiceOptions {
  /** A home that an earlier service left; else one as a first start leaves it. */
  readonly home?: string;
  /** An empty home instead. */
  readonly firstStart?: boolean;
  readonly port?: number;
  /** A Postgres and a Redis of the test's own; without them, the embedded default. */
  readonly databaseUrl?: string;
  readonly queueUrl?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** false: comes back before the service is ready. */
  readonly wait?: boolean;
}

const MARKS = {
  api: 'dist/src/main.js',
  worker: 'dist/workers/main.js',
  predict: 'dist/workers/serving/main.js',
  postgres: '/bin/postgres -D',
} as const;

/** Starts the whole service as a user would, in a home and on a port of its own. */
export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const home = options.home ?? (await homeFor(options));
  const port = options.port ?? (await freePort());
  const env: NodeJS.ProcessEnv = { ...process.env, GRAFT_HOME: home, PORT: `${port}`, LOG_LEVEL: 'info' };
  for (const name of ['DATABASE_URL', 'QUEUE_URL', 'HOST', 'PREDICT_URL', 'GRAFT_EMBEDDED', 'NODE_OPTIONS'])
    delete env[name];
  if (options.databaseUrl !== undefined) {
    env.DATABASE_URL = options.databaseUrl;
    env.GRAFT_ADMIN_KEY = ADMIN_KEY;
  }
  if (options.queueUrl !== undefined) env.QUEUE_URL = options.queueUrl;
  const supervisor = spawn(process.execPath, ['scripts/start.mjs'], {
    cwd: ROOT,
    env: { ...env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [supervisor.stdout, supervisor.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  }
  const gone = new Promise<number | null>((done) => supervisor.once('exit', (code) => done(code)));
  const url = `http://127.0.0.1:${port}`;
  const seen = new Set<number>();
  const pids = () => {
    const now = supervisor.pid === undefined ? [] : treeOf(supervisor.pid).map(({ pid }) => pid);
    for (const pid of now) seen.add(pid);
    return now;
  };
  const service: Service = {
    url,
    home,
    supervisor,
    output: () => printed,
    headers: options.databaseUrl === undefined ? {} : { authorization: `Bearer ${ADMIN_KEY}` },
    pidOf: (role) => {
      const found = treeOf(supervisor.pid!).find(({ command }) => command.includes(MARKS[role]));
      if (found === undefined) throw new Error(`There is no ${role} process below the supervisor.\n${printed}`);
      return found.pid;
    },
    pids,
    ready: async (ms = 120_000) => {
      const end = performance.now() + ms;
      while (performance.now() < end) {
        if (supervisor.exitCode !== null) break;
        const answer = await fetch(`${url}/readyz`).catch(() => null);
        await answer?.body?.cancel();
        if (answer?.status === 200) return;
        await new Promise((done) => setTimeout(done, 50));
      }
      throw new Error(`The service is not ready after ${ms} ms:\n${printed}`);
    },
    end: async (signal = 'SIGTERM') => {
      pids();
      supervisor.kill(signal);
      return gone;
    },
    stop: async () => {
      pids();
      if (supervisor.exitCode === null && supervisor.signalCode === null) supervisor.kill('SIGTERM');
      const late = setTimeout(() => supervisor.kill('SIGKILL'), 60_000);
      await gone;
      clearTimeout(late);
      for (let waited = 0; waited < 10_000 && [...seen].some(isAlive); waited += 100)
        await new Promise((done) => setTimeout(done, 100));
      // What is ending may still write there.
      rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
  if (options.wait !== false) {
    await service.ready().catch(async (error: unknown) => {
      await service.stop();
      throw error;
    });
  }
  return service;
}

async function homeFor({ firstStart = false, databaseUrl }: ServiceOptions): Promise<string> {
  if (firstStart || databaseUrl !== undefined) return mkdtempSync(join(tmpdir(), 'graft-e2e-'));
  // Where it is prepared, outside the tests, there is no prepared one to ask for.
  const { preparedHome } = await import('./prepared-home.js');
  return preparedHome();
}
