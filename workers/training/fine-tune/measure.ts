import { argmax } from '../../../src/tasks/classification/metrics.js';
import type { HostTensor } from '../../executors/executor.js';
import { crossEntropy } from '../held-out.js';
import type { MetricValue } from '../messages.js';
import type { Of, Tuner } from './trainer.js';

/** Examples to measure on, whole passes of data at a time. */
export interface HeldSource {
  readonly labels: Int32Array;
  /** The rows in the order in which they come, where that is another. */
  readonly order?: readonly number[];
  /** Of each row: its example and its share in that one's logits, where an example may have several. */
  readonly rows?: { readonly of: Int32Array; readonly shares: Float32Array };
  batches(size: number): AsyncIterable<HostTensor['data']>;
}
export interface Measured {
  readonly accuracy: number;
  /** Mean log loss. */
  readonly loss: number;
}
type Sizes = { readonly microBatch: number; readonly classes: number };

/** Logits of all held-out examples, row-major [n, classes]. */
export async function logitsOf(net: Tuner, held: HeldSource, s: Sizes, of: Of = 'trained'): Promise<Float32Array> {
  const { labels, order, rows } = held;
  const n = rows?.of.length ?? labels.length;
  const out = new Float32Array(labels.length * s.classes);
  let at = 0;
  for await (const data of held.batches(s.microBatch)) {
    const logits = await net.logits(data, of);
    for (let i = 0; i < s.microBatch && at < n; i++, at++) {
      const row = order?.[at] ?? at;
      const example = rows?.of[row] ?? row;
      const share = rows?.shares[row] ?? 1;
      for (let c = 0; c < s.classes; c++) out[example * s.classes + c]! += share * logits[i * s.classes + c]!;
    }
  }
  return out;
}

export async function measured(net: Tuner, held: HeldSource, s: Sizes, of: Of): Promise<Measured> {
  const logits = await logitsOf(net, held, s, of);
  const { length: n } = held.labels;
  let loss = 0;
  let right = 0;
  for (let i = 0; i < n; i++) {
    loss += crossEntropy(logits, i * s.classes, s.classes, held.labels[i]!);
    if (argmax(logits.subarray(i * s.classes, (i + 1) * s.classes)) === held.labels[i]) right++;
  }
  return { accuracy: right / n, loss: loss / n };
}

/** More right; or as many, and surer of them. */
export const isBetter = (a: Measured, than: Measured): boolean =>
  a.accuracy > than.accuracy || (a.accuracy === than.accuracy && a.loss < than.loss);

/** What the job is told after an epoch. */
export function pointsOf(
  epoch: number,
  found: Readonly<Partial<Record<Of, Measured>>>,
  train: number | null,
): readonly MetricValue[] {
  const of = (prefix: string, m: Measured | undefined) =>
    m === undefined
      ? []
      : [
          { name: `${prefix}/loss`, step: epoch, value: m.loss },
          { name: `${prefix}/accuracy`, step: epoch, value: m.accuracy },
        ];
  return [
    ...(train === null ? [] : [{ name: 'train/loss', step: epoch, value: train }]),
    ...of('validation', found.trained),
    ...of('validation/average', found.average),
  ];
}
