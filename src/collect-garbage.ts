import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let found: (() => void) | undefined;
/** Collects all garbage of this thread's heap, which blocks the thread for 50 ms to 200 ms. */
export function collectGarbage(): void {
  if (found === undefined) {
    setFlagsFromString('--expose-gc');
    found = runInNewContext('gc') as () => void;
  }
  found();
}
/** The same with what native code holds for objects that are gone: it lets go between turns of the event loop. */
export async function collectNativeGarbage(): Promise<void> {
  collectGarbage();
  await setImmediate();
  collectGarbage();
  await setImmediate();
}
