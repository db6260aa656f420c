import { random } from '../../../src/tasks/random.js';

/** What numbers are drawn for: each purpose has its own stream, so that one setting does not shift another's draws. */
export const PURPOSE = { view: 0, mix: 1, dropout: 2 } as const;

/** MurmurHash3's finalizer: every bit of the input changes about half of the output's. */
function scramble(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * The numbers, in [0, 1), that belong to one example in one epoch. They follow from the arguments alone, so it does not
 * matter what was drawn before: a resumed run goes on as if it had never stopped.
 */
export function drawsOf(seed: number, epoch: number, row: number, purpose: number): () => number {
  const key = [seed, epoch, row, purpose].reduce((hash, value) => scramble((hash + 0x9e3779b9) ^ scramble(value)), 0);
  return random(key);
}

export const uniform = (next: () => number, low: number, high: number): number => low + (high - low) * next();

/** A whole number from 0 to n - 1. */
export const below = (next: () => number, n: number): number => Math.floor(next() * n);

/** Standard normal (Box and Muller). */
function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

/**
 * Logarithm of a Gamma(shape, 1) number (Marsaglia and Tsang 2000, with their boost below 1). The logarithm, because for a
 * small shape the number itself is often too small for a double.
 */
function logGamma(next: () => number, shape: number): number {
  if (shape < 1) return logGamma(next, shape + 1) + Math.log(1 - next()) / shape;
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(next);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - next()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return Math.log(d * v);
  }
}

/** A number in [0, 1] of the distribution Beta(alpha, alpha), alpha > 0. */
export function beta(next: () => number, alpha: number): number {
  const difference = logGamma(next, alpha) - logGamma(next, alpha);
  return 1 / (1 + Math.exp(-difference));
}
