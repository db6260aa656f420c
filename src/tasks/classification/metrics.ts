import type { BinaryScores } from './binary-scores.js';

/** What is said of a classifier on examples it was not trained on. Plain JSON: it is stored and served as it is. */
export interface Evaluation {
  readonly examples: number;
  readonly accuracy: number;
  /** Wilson's 95 % interval of the accuracy. */
  readonly accuracyInterval: { readonly low: number; readonly high: number; readonly level: number };
  /** Always answering the most frequent class of the training examples. */
  readonly baseline: { readonly label: string; readonly accuracy: number };
  /** Mean of -ln p(actual class). */
  readonly logLoss: number;
  readonly calibration: { readonly ece: number; readonly bins: readonly CalibrationBin[] };
  readonly classes: readonly ClassScore[];
  readonly macro: { readonly precision: number; readonly recall: number; readonly f1: number };
  readonly confusion: { readonly labels: readonly string[]; readonly matrix: readonly (readonly number[])[] };
  /** Of two labels. */
  readonly binary?: BinaryScores;
}
export interface CalibrationBin {
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Means over the bin; null in an empty one. */
  readonly confidence: number | null;
  readonly accuracy: number | null;
}
export interface ClassScore {
  readonly label: string;
  readonly support: number;
  readonly predicted: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

const BINS = 15;
/** The 97.5 % quantile of the normal distribution. */
const Z = 1.959963984540054;
const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);

/** E. B. Wilson, Probable inference, the law of succession, and statistical inference (1927). */
export function wilson(successes: number, n: number): { low: number; high: number; level: number } {
  if (n === 0) return { low: 0, high: 1, level: 0.95 };
  const p = successes / n;
  const centre = p + (Z * Z) / (2 * n);
  const half = Z * Math.sqrt((p * (1 - p)) / n + (Z * Z) / (4 * n * n));
  const scale = 1 + (Z * Z) / n;
  return {
    low: Math.max(0, (centre - half) / scale),
    high: successes === n ? 1 : Math.min(1, (centre + half) / scale),
    level: 0.95,
  };
}

/** The class with the largest probability; the first of equals. */
export function argmax(row: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i]! > row[best]!) best = i;
  return best;
}

/**
 * `probabilities` is row-major [n, classes], `actual` holds class numbers, `majority` is the most frequent class of the
 * training examples. Confidence bins are 15 of equal width, closed above (Guo et al. 2017, arXiv 1706.04599).
 */
export function evaluate(
  labels: readonly string[],
  actual: ArrayLike<number>,
  probabilities: Float32Array,
  majority: number,
): Evaluation {
  const n = actual.length;
  const c = labels.length;
  const matrix = labels.map(() => new Array<number>(c).fill(0));
  const bins = Array.from({ length: BINS }, () => ({ count: 0, confidence: 0, correct: 0 }));
  let loss = 0;
  let correct = 0;
  let baseline = 0;
  for (let i = 0; i < n; i++) {
    const row = probabilities.subarray(i * c, (i + 1) * c);
    const truth = actual[i]!;
    const guess = argmax(row);
    const counts = matrix[truth]!;
    counts[guess] = counts[guess]! + 1;
    if (guess === truth) correct++;
    if (truth === majority) baseline++;
    // Float32's smallest normal number: a probability that was rounded to 0 costs 87 nats, not infinitely many.
    loss -= Math.log(Math.max(row[truth]!, 1.1754944e-38));
    const bin = bins[Math.min(BINS - 1, Math.max(0, Math.ceil(row[guess]! * BINS) - 1))]!;
    bin.count++;
    bin.confidence += row[guess]!;
    if (guess === truth) bin.correct++;
  }
  const classes = labels.map((label, k): ClassScore => {
    const support = matrix[k]!.reduce((a, b) => a + b, 0);
    const predicted = matrix.reduce((a, row) => a + row[k]!, 0);
    const hits = matrix[k]![k]!;
    const precision = ratio(hits, predicted);
    const recall = ratio(hits, support);
    return { label, support, predicted, precision, recall, f1: ratio(2 * precision * recall, precision + recall) };
  });
  const seen = classes.filter((s) => s.support > 0);
  const mean = (of: (s: ClassScore) => number): number =>
    ratio(
      seen.reduce((a, s) => a + of(s), 0),
      seen.length,
    );
  return {
    examples: n,
    accuracy: ratio(correct, n),
    accuracyInterval: wilson(correct, n),
    baseline: { label: labels[majority] ?? '', accuracy: ratio(baseline, n) },
    logLoss: ratio(loss, n),
    calibration: {
      ece: ratio(
        bins.reduce((a, b) => a + Math.abs(b.confidence - b.correct), 0),
        n,
      ),
      bins: bins.map((b, i) => ({
        low: i / BINS,
        high: (i + 1) / BINS,
        count: b.count,
        confidence: b.count === 0 ? null : b.confidence / b.count,
        accuracy: b.count === 0 ? null : b.correct / b.count,
      })),
    },
    classes,
    macro: { precision: mean((s) => s.precision), recall: mean((s) => s.recall), f1: mean((s) => s.f1) },
    confusion: { labels, matrix },
  };
}
