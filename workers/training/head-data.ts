/** Features of examples and their class numbers. */
export interface HeadData {
  /** Row-major [n, width]. */
  readonly features: Float32Array;
  readonly labels: Int32Array;
  readonly n: number;
  readonly width: number;
  readonly classes: number;
  /** What an example of each class counts, 1 on average; null: all the same. */
  readonly weights?: Float64Array | null;
}
export interface Scale {
  readonly mean: Float64Array;
  /** 1 for a feature that does not vary. */
  readonly deviation: Float64Array;
}

/** Mean and standard deviation of every feature over the rows. */
export function scaleOf({ features, n, width }: HeadData): Scale {
  const mean = new Float64Array(width);
  const deviation = new Float64Array(width);
  for (let i = 0, at = 0; i < n; i++) for (let d = 0; d < width; d++) mean[d]! += features[at++]!;
  for (let d = 0; d < width; d++) mean[d]! /= n;
  for (let i = 0, at = 0; i < n; i++)
    for (let d = 0; d < width; d++) {
      const off = features[at++]! - mean[d]!;
      deviation[d]! += off * off;
    }
  let largest = 0;
  for (let d = 0; d < width; d++) {
    deviation[d] = Math.sqrt(deviation[d]! / n);
    largest = Math.max(largest, deviation[d]!);
  }
  // What is all but constant carries no information, and dividing by its deviation would blow up rounding errors.
  for (let d = 0; d < width; d++) if (!(deviation[d]! > largest * 1e-6)) deviation[d] = 1;
  return { mean, deviation };
}

/** (x - mean) / deviation, written over `features`. */
export function standardise(features: Float32Array, { mean, deviation }: Scale): Float32Array {
  const width = mean.length;
  for (let at = 0; at < features.length; ) {
    for (let d = 0; d < width; d++, at++) features[at] = (features[at]! - mean[d]!) / deviation[d]!;
  }
  return features;
}

/**
 * The head that does on raw features what (weight [D, C], bias) does on standardised ones, so that an exported model
 * needs no further nodes: weight [C, D] and bias [C].
 */
export function foldScale(
  head: { readonly weight: Float32Array; readonly bias: Float32Array },
  { mean, deviation }: Scale,
): { weight: Float32Array; bias: Float32Array } {
  const width = mean.length;
  const classes = head.bias.length;
  const weight = new Float32Array(width * classes);
  const bias = new Float32Array(classes);
  for (let c = 0; c < classes; c++) {
    let shift = head.bias[c]!;
    for (let d = 0; d < width; d++) {
      const w = head.weight[d * classes + c]! / deviation[d]!;
      weight[c * width + d] = w;
      shift -= w * mean[d]!;
    }
    bias[c] = shift;
  }
  return { weight, bias };
}

/** Index of the first feature that is no number, or -1: a trunk that overflows must not be trained on. */
export function firstNonFinite(features: Float32Array): number {
  for (let i = 0; i < features.length; i++) if (!Number.isFinite(features[i]!)) return i;
  return -1;
}

/** The rows of a choice, in its order. */
export function chosenRows(data: HeadData, rows: ArrayLike<number>): HeadData {
  const features = new Float32Array(rows.length * data.width);
  const labels = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    features.set(data.features.subarray(row * data.width, (row + 1) * data.width), i * data.width);
    labels[i] = data.labels[row]!;
  }
  return { ...data, features, labels, n: rows.length };
}
