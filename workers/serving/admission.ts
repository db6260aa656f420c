import { GraftError } from '../../src/errors.js';

/** Bounds what is inside at one time; `enter` throws `overloaded` at once instead of letting a line grow. */
export interface Admission {
  /** Call the returned function once it has left; calling it again does nothing. */
  enter(amount: number): () => void;
  readonly inside: number;
}

/** One request larger than `most` alone is let in when nothing else is inside: else it could never be answered. */
export function createAdmission(most: number, what: string): Admission {
  let inside = 0;
  return {
    enter(amount) {
      if (inside > 0 && inside + amount > most)
        throw new GraftError('overloaded', `${inside} ${what} are being predicted, the most at one time. Try again.`, {
          retryAfter: 1,
        });
      inside += amount;
      let left = false;
      return () => {
        if (!left) inside -= amount;
        left = true;
      };
    },
    get inside() {
      return inside;
    },
  };
}

/** Runs at most `most` at a time, in the order of arrival; who aborts while waiting leaves the line with the reason. */
export function createGate(most: number): <T>(run: () => Promise<T>, signal: AbortSignal) => Promise<T> {
  let running = 0;
  const line = new Set<() => void>();
  return async (run, signal) => {
    signal.throwIfAborted();
    if (running < most) running += 1;
    else
      await new Promise<void>((resolve, reject) => {
        const leave = () => {
          line.delete(start);
          reject(signal.reason);
        };
        // The place is handed over, so `running` stays as it is.
        const start = () => {
          signal.removeEventListener('abort', leave);
          resolve();
        };
        signal.addEventListener('abort', leave, { once: true });
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
