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
