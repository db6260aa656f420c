import { expect } from 'vitest';
import type { Executor, TensorData } from '../../workers/executors/executor.js';
import { onnxruntimeExecutor } from '../../workers/executors/onnxruntime.js';
import type { Submitted } from '../../workers/training/fine-tune/stepper.js';
import type { Snapshot, Tuner } from '../../workers/training/fine-tune/trainer.js';
import { random } from './onnx.js';
import { tensorflow } from './tensorflow.js';

/** A training that two engines are to do alike. */
export interface Trial {
  readonly name: string;
  /** Small enough that rounding does not grow from step to step faster than the loss falls. */
  readonly rate: number;
  begin(executor: Executor): Promise<Begun>;
}
export interface Begun {
  readonly net: Tuner;
  /** What a step is taken on; the same for the same step. */
  batch(step: number): { readonly data: TensorData; readonly targets: Float32Array };
}
interface Trained {
  readonly losses: readonly number[];
  readonly begun: Snapshot;
  readonly ended: Snapshot;
}

const STEPS = 20;
const onnxruntime = onnxruntimeExecutor({ threads: 2 });

/** Rows [batch, classes], one class each in turn, that sum to 1 in all. */
export function turns(batch: number, classes: number, step: number): Float32Array {
  const targets = new Float32Array(batch * classes);
  for (let k = 0; k < batch; k++) targets[k * classes + ((k + step) % classes)] = 1 / batch;
  return targets;
}

/** Steps from one to another, from a state or from the beginning. */
async function steps(executor: Executor, trial: Trial, from = 1, until = STEPS, state?: Snapshot): Promise<Trained> {
  const { net, batch } = await trial.begin(executor);
  try {
    if (state) await net.restore(state);
    const begun = await net.snapshot();
    const losses: number[] = [];
    let unread: Submitted | null = null;
    for (let number = from; number <= until; number++) {
      const next = await net.submit({ ...batch(number), number, rate: trial.rate, open: 0, averageDecay: 0 });
      if (unread !== null) losses.push((await unread.read()).loss);
      unread = next;
    }
    if (unread !== null) losses.push((await unread.read()).loss);
    return { losses, begun, ended: await net.snapshot() };
  } finally {
    await net.dispose();
  }
}

/** Every number a millionth larger or smaller. */
function nudged(from: Snapshot): Snapshot {
  const next = random(11);
  return new Map([...from].map(([name, data]) => [name, data.map((x) => x * (1 + (next() < 0.5 ? 1e-6 : -1e-6)))]));
}

/** How far two ends lie apart, over how far one of them is from the beginning; all numbers together. */
function apart(a: Snapshot, b: Snapshot, begun: Snapshot): number {
  let [difference, way] = [0, 0];
  for (const [name, from] of begun) {
    const [x, y] = [a.get(name)!, b.get(name)!];
    from.forEach((start, i) => {
      difference += (x[i]! - y[i]!) ** 2;
      way += (x[i]! - start) ** 2;
    });
  }
  return Math.sqrt(difference / way);
}

/** Twenty steps give the same losses and weights on both engines, and on TensorFlow the same bits a second time. */
export async function expectAgreement(trial: Trial, engine = tensorflow()): Promise<void> {
  const theirs = await steps(onnxruntime, trial);
  // Rounding grows from step to step: how far, a run shows that begins a millionth beside the other on one engine.
  const beside = await steps(onnxruntime, trial, 1, STEPS, nudged(theirs.begun));
  const ours = await steps(engine, trial);
  const lossApart = (a: Trained): number =>
    Math.max(...a.losses.map((loss, i) => Math.abs(loss - theirs.losses[i]!) / theirs.losses[i]!));
  expect(Math.abs(ours.losses[0]! - theirs.losses[0]!) / theirs.losses[0]!).toBeLessThan(1e-4);
  expect(lossApart(ours)).toBeLessThan(Math.max(1e-3, 3 * lossApart(beside)));
  expect(lossApart(ours)).toBeLessThan(2e-2);
  const noise = apart(beside.ended, theirs.ended, theirs.begun);
  expect(apart(ours.ended, theirs.ended, theirs.begun)).toBeLessThan(Math.max(1e-2, 3 * noise));
  const again = await steps(engine, trial);
  expect(again.losses).toEqual(ours.losses);
  expect(apart(again.ended, ours.ended, ours.begun)).toBe(0);
}

/**
 * Twenty steps in mixed precision learn what the same in float32 do: every loss within `most` of float32's, relative to the
 * first, which is within half of it, and another; the loss falls at least half as far.
 */
export async function expectMixed(mixed: Trial, float32: Trial, most: number): Promise<void> {
  const [ours, theirs] = [await steps(tensorflow(), mixed), await steps(tensorflow(), float32)];
  const off = ours.losses.map((loss, i) => Math.abs(loss - theirs.losses[i]!) / theirs.losses[0]!);
  expect(off[0]!).toBeGreaterThan(1e-6);
  expect(off[0]!).toBeLessThan(most / 2);
  expect(Math.max(...off)).toBeLessThan(most);
  const fall = ({ losses }: Trained): number => losses[0]! - losses.at(-1)!;
  expect(fall(theirs)).toBeGreaterThan(0.1);
  expect(fall(ours)).toBeGreaterThan(fall(theirs) / 2);
  expect((await steps(tensorflow(), mixed)).losses).toEqual(ours.losses);
}

/** The second half of a run on TensorFlow, from the state that onnxruntime's first half left, ends as the whole does. */
export async function expectHandedOver(trial: Trial): Promise<void> {
  const whole = await steps(onnxruntime, trial);
  const half = await steps(onnxruntime, trial, 1, STEPS / 2);
  const rest = await steps(tensorflow(), trial, STEPS / 2 + 1, STEPS, half.ended);
  rest.losses.forEach((loss, i) => {
    expect(Math.abs(loss - whole.losses[i + STEPS / 2]!)).toBeLessThan(1e-3);
  });
  expect(apart(rest.ended, whole.ended, whole.begun)).toBeLessThan(1e-2);
}
