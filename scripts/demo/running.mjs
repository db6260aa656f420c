import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A first start makes a database; on a busy machine that takes a while. */
const PATIENCE_MS = 90_000;

/**
 * Sees to it that Graft answers at `url`: starts it in the background where it does not, so that it outlives this command.
 * @returns the process to end it by, `{ pid: null }` where it ran already; null where it cannot be started, which is said.
 */
export async function ensureRunning({ root, url, home }) {
  const { isReady } = await import('../../dist/src/local/port.js');
  if (await isReady(url)) {
    console.log(`Graft runs at ${url}`);
    return { pid: null };
  }
  if (process.env.GRAFT_URL !== undefined) {
    console.error(`Nothing is ready at GRAFT_URL=${url}. Start it there, or leave GRAFT_URL out to start one here.`);
    return null;
  }
  const path = join(home, 'logs', 'start.log');
  mkdirSync(join(home, 'logs'), { recursive: true });
  const log = openSync(path, 'w');
  // Without npm's variables: the service would end with the npm that started this command.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const child = spawn(process.execPath, ['scripts/start.mjs'], {
    cwd: root,
    env,
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const interrupted = () => {
    child.kill('SIGTERM');
    console.error('\nEnded before Graft was ready; what it made so far is kept.');
    process.exit(130);
  };
  process.once('SIGINT', interrupted);
  let ended = false;
  child.once('exit', () => {
    ended = true;
  });
  for (const end = performance.now() + PATIENCE_MS; !ended && performance.now() < end; await sleep(100)) {
    if (!(await isReady(url))) continue;
    child.unref();
    process.off('SIGINT', interrupted);
    console.log(`Graft was started: ${url}, its data in ${home}`);
    return { pid: child.pid };
  }
  // What is to be typed again is this command.
  console.error(readFileSync(path, 'utf8').trimEnd().replaceAll('npm start', 'npm run demo'));
  console.error(`Graft did not start; ${path} and the other logs beside it say why.`);
  console.error('If it runs at another address already, name that: GRAFT_URL=http://127.0.0.1:8080 npm run demo');
  if (!ended) child.kill('SIGTERM');
  return null;
}
