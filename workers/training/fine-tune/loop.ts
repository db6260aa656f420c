import { GraftError } from '../../../src/errors.js';
import { argmax } from '../../../src/tasks/image-classification/metrics.js';
import { permutation, random } from '../../../src/tasks/random.js';
import { prefetch } from '../../data/augment/prefetch.js';
import type { HostTensor } from '../../executors/executor.js';
import { type Control, crossEntropy } from '../head-search.js';
import type { MetricValue } from '../messages.js';
import { type Checkpoint, type Position, readCheckpoint, writeCheckpoint } from './checkpoint.js';
import { rateShare, type Schedule } from './schedule.js';
import type { Snapshot, Tuner } from './trainer.js';

/** One batch: what the trained part reads, and a row of soft labels for each. */
export interface TuneBatch {
  readonly data: HostTensor['data'];
  /** [rows, classes], each row sums to 1 (or to the weight of its class). */
  readonly targets: Float32Array;
}
export interface TuneSource {
  readonly n: number;
  /** The batch of these rows in this epoch; always the same for the same arguments. */
  batch(epoch: number, rows: readonly number[]): Promise<TuneBatch>;
}
/** Examples to measure on, whole batches of data at a time. */
export interface HeldSource {
  readonly labels: Int32Array;
  batches(size: number): AsyncIterable<HostTensor['data']>;
}
export interface LoopSettings {
  readonly epochs: number;
  readonly batch: number;
  readonly classes: number;
  readonly rate: number;
  readonly schedule: Schedule;
  readonly warmup: number;
  readonly labelSmoothing: number;
  readonly seed: number;
  /** Epochs without a better validation result after which training ends. */
  readonly patience: number;
  readonly recipe: string;
  readonly folder: string;
  /** At least this long between two checkpoints. */
  readonly checkpointMs: number;
}
export interface LoopHooks {
  metrics(points: readonly MetricValue[]): void;
  progress(done: number, total: number): void;
  warn(message: string, data: Readonly<Record<string, string | number>>): void;
}
export interface Tuned {
  readonly best: Snapshot;
  readonly position: Position;
  /** Epochs trained. */
  readonly epochs: number;
  readonly resumedAt: number | null;
}

/** Batches being prepared while the engine runs one. */
export const AHEAD = 3;

/**
 * Trains until the epochs are over, validation has not become better for `patience` epochs, or the user says stop; the
 * best state is kept, the one before the first step included. Goes on from the newest checkpoint of the same recipe, and
 * ends with the same bits as without the interruption. Throws `job-impossible` when the loss is no longer a number.
 */
export async function tune(
  net: Tuner,
  train: TuneSource,
  held: HeldSource,
  s: LoopSettings,
  control: Control,
  hooks: LoopHooks,
): Promise<Tuned> {
  const found = await readCheckpoint(s.folder, s.recipe, (file, why) =>
    hooks.warn(`the checkpoint ${file} is not used: ${why}`, { file }),
  );
  const perEpoch = Math.ceil(train.n / s.batch);
  const total = perEpoch * s.epochs;
  let best: Snapshot;
  let position: Position;
  if (found === null) {
    best = await net.snapshot();
    const { accuracy, loss } = await measured(net, held, s);
    position = { recipe: s.recipe, steps: 0, best: { epoch: 0, accuracy, loss }, sinceBest: 0 };
    hooks.metrics(points(0, accuracy, loss, null));
  } else {
    ({ best, position } = found);
    await net.restore(found.state);
  }
  let lastWritten = performance.now();
  const keep = async (): Promise<void> => {
    const c: Checkpoint = { position, best, state: await net.snapshot() };
    await writeCheckpoint(s.folder, c);
    lastWritten = performance.now();
  };
  let steps = position.steps;
  let epoch = Math.floor(steps / perEpoch);
  let sum = 0;
  let count = 0;
  for await (const { data, targets } of prefetch(planned(train, s, steps, total), AHEAD)) {
    const rate = s.rate * rateShare(s.schedule, steps, total, s.warmup);
    const { loss, norm } = await net.step(steps + 1, data, targets, rate);
    if (!Number.isFinite(loss) || !Number.isFinite(norm)) throw await diverged(net, steps + 1, rate, loss, position);
    steps++;
    sum += loss;
    count++;
    hooks.progress(steps, total);
    position = { ...position, steps };
    await control.breathe();
    const stopped = control.stopped();
    if (steps % perEpoch === 0 || stopped) {
      epoch = Math.ceil(steps / perEpoch);
      const { accuracy, loss: validationLoss } = await measured(net, held, s);
      const better =
        accuracy > position.best.accuracy ||
        (accuracy === position.best.accuracy && validationLoss < position.best.loss);
      if (better) best = await net.snapshot();
      position = better
        ? { ...position, best: { epoch, accuracy, loss: validationLoss }, sinceBest: 0 }
        : { ...position, sinceBest: position.sinceBest + 1 };
      hooks.metrics(points(epoch, accuracy, validationLoss, sum / count));
      sum = 0;
      count = 0;
      if (stopped || position.sinceBest >= s.patience) break;
    }
    if (control.leaving()) {
      await keep();
      await control.leave();
    }
    if (performance.now() - lastWritten >= s.checkpointMs) await keep();
  }
  return { best, position, epochs: epoch, resumedAt: found?.position.steps ?? null };
}

const points = (step: number, accuracy: number, loss: number, train: number | null): readonly MetricValue[] => [
  ...(train === null ? [] : [{ name: 'train/loss', step, value: train }]),
  { name: 'validation/loss', step, value: loss },
  { name: 'validation/accuracy', step, value: accuracy },
];

/** Every batch still to come, begun when it is asked for. */
function* planned(train: TuneSource, s: LoopSettings, from: number, to: number): Generator<Promise<TuneBatch>> {
  const perEpoch = Math.ceil(train.n / s.batch);
  for (let step = from, order: Uint32Array | null = null; step < to; step++) {
    const epoch = Math.floor(step / perEpoch);
    const within = step % perEpoch;
    if (order === null || within === 0) order = permutation(train.n, random(s.seed * 7919 + epoch + 1));
    yield batchOf(train, s, epoch, order, within * s.batch);
  }
}

/** The last batch of an epoch is filled up with rows from its beginning, which then count for nothing. */
async function batchOf(
  train: TuneSource,
  s: LoopSettings,
  epoch: number,
  order: Uint32Array,
  from: number,
): Promise<TuneBatch> {
  const real = Math.min(s.batch, train.n - from);
  const rows = Array.from({ length: s.batch }, (_, i) => order[i < real ? from + i : (i - real) % train.n]!);
  const { data, targets } = await train.batch(epoch, rows);
  const scaled = new Float32Array(targets.length);
  const smooth = s.labelSmoothing / s.classes;
  for (let i = 0; i < real; i++) {
    let weight = 0;
    for (let c = 0; c < s.classes; c++) weight += targets[i * s.classes + c]!;
    for (let c = 0; c < s.classes; c++) {
      const at = i * s.classes + c;
      scaled[at] = (targets[at]! * (1 - s.labelSmoothing) + weight * smooth) / real;
    }
  }
  return { data, targets: scaled };
}

/** Logits of all held-out examples, row-major [n, classes]. */
export async function logitsOf(
  net: Tuner,
  held: HeldSource,
  s: Pick<LoopSettings, 'batch' | 'classes'>,
): Promise<Float32Array> {
  const { length: n } = held.labels;
  const out = new Float32Array(n * s.classes);
  let at = 0;
  for await (const data of held.batches(s.batch)) {
    const logits = await net.logits(data);
    out.set(logits.subarray(0, Math.min(logits.length, out.length - at)), at);
    at += logits.length;
  }
  return out;
}

async function measured(net: Tuner, held: HeldSource, s: LoopSettings): Promise<{ accuracy: number; loss: number }> {
  const logits = await logitsOf(net, held, s);
  const { length: n } = held.labels;
  let loss = 0;
  let right = 0;
  for (let i = 0; i < n; i++) {
    loss += crossEntropy(logits, i * s.classes, s.classes, held.labels[i]!);
    if (argmax(logits.subarray(i * s.classes, (i + 1) * s.classes)) === held.labels[i]) right++;
  }
  return { accuracy: right / n, loss: loss / n };
}

async function diverged(net: Tuner, step: number, rate: number, loss: number, position: Position): Promise<GraftError> {
  const state = await net.snapshot();
  const bad = net.tensors(state).find((t) => {
    const values = new Float32Array(t.data.buffer, t.data.byteOffset, t.data.byteLength / 4);
    return values.some((x) => !Number.isFinite(x));
  });
  return new GraftError(
    'job-impossible',
    `Training diverged: at step ${step} with learning rate ${rate.toPrecision(3)} the loss is ${loss}${bad ? ` and the tensor '${bad.name}' holds numbers that are not finite` : ''}. Use a smaller learningRate, or leave it to "auto". The best so far was epoch ${position.best.epoch} with validation accuracy ${position.best.accuracy.toFixed(3)}.`,
  );
}
