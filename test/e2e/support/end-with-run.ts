import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

/** Services end with the run that started them: killed, Vitest runs no hook, and a detached one would stay behind. */
export default function setup(): () => void {
  const mark = `E2E_RUN=${randomUUID()}`;
  // What tests start inherits it from their processes, which inherit it from this one.
  [, process.env.E2E_RUN] = mark.split('=');
  const watcher = spawn(process.execPath, [join(import.meta.dirname, 'run-watcher.mjs'), mark], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  watcher.unref();
  return () => {
    watcher.stdin.end();
  };
}
