import type { HeadData } from './head-data.js';

export interface HeldOut {
  readonly penalty: number;
  readonly steps: number;
  readonly mean: number;
  readonly standardError: number;
}

/** Held-out log loss of every penalty, over all folds together. */
export async function look(
  trainer: { logits(features: Float32Array): Promise<Float32Array> },
  parts: readonly HeadData[],
  penalties: readonly number[],
  used: number,
  steps: number,
): Promise<HeldOut[]> {
  const sums = penalties.map(() => ({ n: 0, sum: 0, squares: 0 }));
  for (const [f, part] of parts.entries()) {
    if (part.n === 0) continue;
    const logits = await trainer.logits(part.features);
    const columns = logits.length / part.n;
    for (let i = 0; i < part.n; i++)
      for (const [p, total] of sums.entries()) {
        const at = i * columns + (p * used + f) * part.classes;
        const weight = part.weights?.[part.labels[i]!] ?? 1;
        const loss = weight * crossEntropy(logits, at, part.classes, part.labels[i]!);
        total.n++;
        total.sum += loss;
        total.squares += loss * loss;
      }
  }
  return sums.map(({ n, sum, squares }, p) => {
    const mean = sum / n;
    return {
      penalty: penalties[p]!,
      steps,
      mean,
      standardError: Math.sqrt(Math.max(0, squares / n - mean * mean) / Math.max(1, n - 1)),
    };
  });
}

/** -ln softmax(logits)[label], of `classes` logits from `at` on. */
export function crossEntropy(logits: Float32Array, at: number, classes: number, label: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < classes; c++) most = Math.max(most, logits[at + c]!);
  let sum = 0;
  for (let c = 0; c < classes; c++) sum += Math.exp(logits[at + c]! - most);
  return most + Math.log(sum) - logits[at + label]!;
}

/** The one-standard-error rule; null where nothing finite was seen. */
export function choose(seen: readonly HeldOut[]): HeldOut | null {
  const finite = seen.filter((s) => Number.isFinite(s.mean));
  const least = (list: readonly HeldOut[]) =>
    list.reduce<HeldOut | null>((a, b) => (a && a.mean <= b.mean ? a : b), null);
  const best = least(finite);
  if (best === null) return null;
  const limit = best.mean + best.standardError;
  const strongest = Math.max(...finite.filter((s) => s.mean <= limit).map((s) => s.penalty));
  return least(finite.filter((s) => s.penalty === strongest));
}
