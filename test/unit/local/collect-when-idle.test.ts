import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { build } from '../../../scripts/build.mjs';

/** Works for a while, drops 64 MB of buffers, and says what it holds of them as long as it is idle. */
const PROGRAM = `
import { collectWhenIdle } from './dist/src/local/collect-when-idle.js';
collectWhenIdle(300);
for (const end = performance.now() + 700; performance.now() < end; ) Math.random();
for (let i = 0; i < 16; i++) new Uint8Array(4e6).fill(1);
setInterval(() => console.log(process.memoryUsage().arrayBuffers), 100);
`;

test('a process that has nothing more to do gives back what its work left behind', async () => {
  await build();
  const root = new URL('../../..', import.meta.url).pathname;
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], { cwd: root });
  try {
    const held: number[] = [];
    while (held.length === 0 || held.at(-1)! > 2e6) {
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      held.push(Number(line.toString().split('\n')[0]));
    }
    expect(held[0]).toBeGreaterThan(8e6);
  } finally {
    child.kill();
  }
});
