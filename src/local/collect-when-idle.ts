import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { collectGarbage } from '../collect-garbage.js';

/** Of the event loop's time, from when on a process is at work. */
const AT_WORK = 0.02;
/** So much work leaves something behind that is worth a collection, which takes 50 ms to 200 ms. */
const WORTH_MS = 500;
/** More than this is worth the code as well that a collection throws away. */
const WORTH_BYTES = 32 * 1024 * 1024;

/**
 * V8 collects garbage when memory is asked for, so a process whose work is done keeps what that left behind, buffers of files
 * above all, until there is work again. This collects when the event loop has had nothing to do for `everyMs` after work.
 *
 * Such a collection also throws away most compiled code: V8 ties it to the shapes of objects, and between requests there are none of
 * those. Requests take half as long again in the API afterwards, for thousands of them. So where less than `WORTH_BYTES` have come
 * to what the last collection left, it waits until nothing has come for `longMs`.
 */
export function collectWhenIdle(everyMs = 5_000, longMs = 60_000): void {
  let last = performance.eventLoopUtilization();
  // Starting up leaves behind what is worth it, and nothing is compiled yet. Node 22 and later do not count it as work.
  let [worked, idleMs, left] = [WORTH_MS, 0, Number.NEGATIVE_INFINITY];
  const look = (): void => {
    const now: EventLoopUtilization = performance.eventLoopUtilization();
    const { active, utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    idleMs = utilization >= AT_WORK ? 0 : idleMs + everyMs;
    if (idleMs === 0 || worked < WORTH_MS) {
      worked += active;
      return;
    }
    if (idleMs < longMs && held() - left < WORTH_BYTES) return;
    collectGarbage();
    [worked, left] = [0, held()];
    last = performance.eventLoopUtilization();
  };
  setInterval(look, everyMs).unref();
}

function held(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
