import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './net.js';

export interface TestRedis {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * A real Redis: a database of the one of TEST_REDIS_URL that no suite uses that runs beside this one, else a `redis-server`
 * of PATH on a free port, else null (and says so).
 */
export async function startRedis(): Promise<TestRedis | null> {
  const given = process.env.TEST_REDIS_URL;
  if (!given) return startOwnRedis();
  const url = new URL(given);
  url.pathname = `/${process.env.VITEST_POOL_ID ?? 0}`;
  return { url: url.href, stop: async () => undefined };
}

/** A Redis that nobody else uses, so that its test may do to it what it likes. */
export interface OwnRedis extends TestRedis {
  pid(): number;
  /** Ends it at once. */
  kill(): Promise<void>;
  /** Starts another, which knows nothing, in its place. */
  restart(): Promise<void>;
}

/** A `redis-server` of PATH on a free port; null (and says so) where there is none. */
export async function startOwnRedis(): Promise<OwnRedis | null> {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
  } catch {
    console.warn('No Redis: there is no redis-server on PATH; the tests that need one are left out.');
    return null;
  }
  const dir = mkdtempSync(join(tmpdir(), 'graft-redis-'));
  const port = await freePort();
  const launch = async () => {
    const options = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', dir];
    const child = spawn('redis-server', options, { stdio: 'ignore' });
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    await answers(port);
    return { pid: child.pid!, child, ended };
  };
  let running = await launch();
  const kill = async () => {
    running.child.kill('SIGKILL');
    await running.ended;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    pid: () => running.pid,
    kill,
    restart: async () => {
      running = await launch();
    },
    stop: async () => {
      await kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function answers(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const up = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
      socket.once('data', () => resolve(true)).once('error', () => resolve(false));
      socket.once('data', () => socket.destroy());
    });
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`redis-server does not answer on port ${port}`);
}
