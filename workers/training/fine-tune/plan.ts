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
  /** Texts: the length in tokens that each row is padded to. Batches are of rows of one length, where there are enough. */
  readonly lengths?: Int32Array;
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
  let batches: readonly (readonly number[])[] | null = null;
  for (let step = from; step < to; step++) {
    const epoch = Math.floor(step / perEpoch);
    const within = step % perEpoch;
    if (batches === null || within === 0) batches = epochBatches(train, s, epoch);
    yield batchOf(train, s, epoch, batches[within]!, batches[0]!);
  }
}

/** The rows of an epoch's batches, in the order in which they come. All are whole but one. */
export function epochBatches(
  { n, lengths }: Pick<TuneSource, 'n' | 'lengths'>,
  s: Pick<PlanSettings, 'batch' | 'seed'>,
  epoch: number,
): readonly (readonly number[])[] {
  const next = random(s.seed * 7919 + epoch + 1);
  const order = [...permutation(n, next)];
  // What is left of the short ones fills up a batch of longer ones: as many steps as without lengths.
  if (lengths !== undefined) order.sort((a, b) => lengths[a]! - lengths[b]!);
  const batches = Array.from({ length: Math.ceil(n / s.batch) }, (_, i) => order.slice(i * s.batch, (i + 1) * s.batch));
  return lengths === undefined ? batches : [...permutation(batches.length, next)].map((i) => batches[i]!);
}

/** Passes are filled up with `others`, or texts with their own, which then count for nothing. */
async function batchOf(
  train: TuneSource,
  s: PlanSettings,
  epoch: number,
  chosen: readonly number[],
  others: readonly number[],
): Promise<TuneBatch> {
  const real = chosen.length;
  const size = Math.ceil(s.batch / s.microBatch) * s.microBatch;
  const filling = train.lengths === undefined ? others : chosen;
  const rows = Array.from({ length: size }, (_, i) => (i < real ? chosen[i] : filling[(i - real) % filling.length])!);
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
