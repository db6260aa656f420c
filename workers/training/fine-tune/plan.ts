import { permutation, random } from '../../../src/tasks/random.js';
import type { HostTensor } from '../../executors/executor.js';

/** One batch: what the trained part reads, and a row of soft labels for each. */
export interface TuneBatch {
  readonly data: HostTensor['data'];
  /** [rows, classes], each row sums to 1 as the source gives it. */
  readonly targets: Float32Array;
}
export interface TuneSource {
  readonly n: number;
  /** The batch of these rows in this epoch; always the same for the same arguments. */
  batch(epoch: number, rows: readonly number[]): Promise<TuneBatch>;
}
export interface PlanSettings {
  readonly batch: number;
  /** Examples of a pass: a batch is as many whole passes as it takes. */
  readonly microBatch: number;
  readonly classes: number;
  readonly labelSmoothing: number;
  /** What an example of each label counts, 1 on average; null: all the same. */
  readonly classWeights: Float64Array | null;
  readonly seed: number;
}

/** Every batch from step `from` to step `to`, begun when it is asked for. Follows from seed and step alone. */
export function* planned(train: TuneSource, s: PlanSettings, from: number, to: number): Generator<Promise<TuneBatch>> {
  const perEpoch = Math.ceil(train.n / s.batch);
  for (let step = from, order: Uint32Array | null = null; step < to; step++) {
    const epoch = Math.floor(step / perEpoch);
    const within = step % perEpoch;
    if (order === null || within === 0) order = permutation(train.n, random(s.seed * 7919 + epoch + 1));
    yield batchOf(train, s, epoch, order, within * s.batch);
  }
}

/** Passes are filled up with rows from the epoch's beginning, which then count for nothing. */
async function batchOf(
  train: TuneSource,
  s: PlanSettings,
  epoch: number,
  order: Uint32Array,
  from: number,
): Promise<TuneBatch> {
  const real = Math.min(s.batch, train.n - from);
  const size = Math.ceil(s.batch / s.microBatch) * s.microBatch;
  const rows = Array.from({ length: size }, (_, i) => order[i < real ? from + i : (i - real) % train.n]!);
  const { data, targets } = await train.batch(epoch, rows);
  return { data, targets: scaledTargets(targets, real, s) };
}

/** Targets weighed by label, smoothed, and divided by the number of real rows, so that the loss is their mean; the others are zeros. */
export function scaledTargets(
  targets: Float32Array,
  real: number,
  s: Pick<PlanSettings, 'classes' | 'labelSmoothing' | 'classWeights'>,
): Float32Array {
  const scaled = new Float32Array(targets.length);
  for (let i = 0; i < real; i++) {
    let row = 0;
    for (let c = 0; c < s.classes; c++) {
      const at = i * s.classes + c;
      scaled[at] = targets[at]! * (s.classWeights?.[c] ?? 1);
      row += scaled[at]!;
    }
    const spread = (row * s.labelSmoothing) / s.classes;
    for (let c = 0; c < s.classes; c++) {
      const at = i * s.classes + c;
      scaled[at] = (scaled[at]! * (1 - s.labelSmoothing) + spread) / real;
    }
  }
  return scaled;
}
