import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { collectGarbage } from '../collect-garbage.js';

/** Of the event loop's time, from when on a process is at work. */
const AT_WORK = 0.02;
/** So much work leaves something behind that is worth a collection, which takes 50 ms to 200 ms. */
const WORTH_MS = 500;

/**
 * V8 collects garbage when memory is asked for, so a process whose work is done keeps what that left behind, buffers of files
 * above all, until there is work again. This collects once when the event loop has had nothing to do for `everyMs` after work.
 */
export function collectWhenIdle(everyMs = 5000): void {
  let last = performance.eventLoopUtilization();
  let worked = 0;
  const look = (): void => {
    const now: EventLoopUtilization = performance.eventLoopUtilization();
    const { active, utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    if (utilization >= AT_WORK || worked < WORTH_MS) {
      worked += active;
      return;
    }
    collectGarbage();
    worked = 0;
    last = performance.eventLoopUtilization();
  };
  setInterval(look, everyMs).unref();
}
