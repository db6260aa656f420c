import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { build } from '../../../scripts/build.mjs';

const work = 'for (const end = performance.now() + 700; performance.now() < end; ) Math.random();';
/** Looks every 300 ms, works for a while, says once that it holds 64 MB of buffers, drops them, and says what it holds of them as long as it is idle. */
const LEAVES_MUCH = `
import { collectWhenIdle } from './dist/src/local/collect-when-idle.js';
collectWhenIdle(300, 1e6);
const kept = [];
setTimeout(() => {
  ${work}
  for (let i = 0; i < 16; i++) kept.push(new Uint8Array(4e6).fill(1));
  setInterval(() => { console.log(process.memoryUsage().arrayBuffers); kept.length = 0; }, 100);
}, 1000);
`;
/** Says when it collects, the first time after it started, the second after work that leaves little behind. */
const LEAVES_LITTLE = `
import { PerformanceObserver } from 'node:perf_hooks';
import { collectWhenIdle } from './dist/src/local/collect-when-idle.js';
const FORCED = 4;
let worked = 0;
new PerformanceObserver((list) => {
  if (!list.getEntries().some(({ detail }) => detail.flags & FORCED)) return;
  console.log('collected after', Math.round(performance.now() - worked), 'ms');
  if (worked === 0) setTimeout(() => { ${work} worked = performance.now(); }, 400);
}).observe({ entryTypes: ['gc'] });
collectWhenIdle(300, 1500);
setInterval(() => undefined, 100);
`;

let child: ChildProcess | undefined;
function lines(program: string): AsyncIterable<string> {
  child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: new URL('../../..', import.meta.url).pathname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const out = child.stdout!;
  return (async function* () {
    for (;;) yield* ((await once(out, 'data')) as [Buffer])[0].toString().trim().split('\n');
  })();
}

beforeAll(() => build());
afterEach(() => child?.kill());

test('a process that has nothing more to do gives back what its work left behind', async () => {
  const held: number[] = [];
  for await (const line of lines(LEAVES_MUCH)) if (held.push(Number(line)) && held.at(-1)! <= 2e6) break;
  expect(held[0]).toBeGreaterThan(8e6);
});

test('where that is little it keeps its compiled code for longer', async () => {
  const said: string[] = [];
  for await (const line of lines(LEAVES_LITTLE)) if (said.push(line) === 2) break;
  const [, afterMs] = said.map((line) => Number(/\d+/.exec(line)?.[0]));
  // Five looks of 300 ms without work; a plain idle look would have come after one or two.
  expect(afterMs).toBeGreaterThan(1200);
});
