/** Runs at most `most` at a time, in the order of arrival; who aborts while waiting leaves the line with the reason. */
export function createGate(most: number): <T>(run: () => Promise<T>, signal?: AbortSignal) => Promise<T> {
  let running = 0;
  const line = new Set<() => void>();
  return async (run, signal) => {
    signal?.throwIfAborted();
    if (running < most) running += 1;
    else
      await new Promise<void>((resolve, reject) => {
        const leave = () => {
          line.delete(start);
          reject(signal?.reason);
        };
        // The place is handed over, so `running` stays as it is.
        const start = () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        };
        signal?.addEventListener('abort', leave, { once: true });
        line.add(start);
      });
    try {
      return await run();
    } finally {
      const [next] = line;
      if (next === undefined) running -= 1;
      else {
        line.delete(next);
        next();
      }
    }
  };
}
