import { describe, expect, it } from 'vitest';
import { decodeModel } from '../../../src/onnx/index.js';
import { imageTrunk } from '../../../src/tasks/image-classification/compose.js';
import { withPixelInput } from '../../../src/tasks/image-classification/pixel-input.js';
import type { Executor } from '../../../workers/executors/executor.js';
import { onnxruntimeExecutor } from '../../../workers/executors/onnxruntime.js';
import { type TuneRequest, tuneGraphs } from '../../../workers/training/fine-tune/graphs.js';
import { trainedLayers } from '../../../workers/training/fine-tune/trained.js';
import { type Snapshot, tuner } from '../../../workers/training/fine-tune/trainer.js';
import { hasData, random, readData } from '../../support/onnx.js';
import { TENSORFLOW, tensorflow } from '../../support/tensorflow.js';

const STEPS = 20;
const CLASSES = 5;
const [MOBILENET, WITH_NORM] = [
  'models/mobilenetv2-1.0-imagenet-backbone.onnx',
  'models/mobilenetv2-1.0-imagenet-backbone-bn.onnx',
] as const;

interface Case {
  readonly name: string;
  readonly file: string;
  readonly cut: string;
  readonly features: number;
  readonly crop: number;
  readonly layers: 'all' | number;
  readonly optimizer: TuneRequest['optimizer'];
  readonly live: boolean;
  /** Small enough that rounding does not grow from step to step faster than the loss falls. */
  readonly rate: number;
}
const CASES: readonly Case[] = [
  {
    name: 'MobileNetV2, folded, all layers',
    file: MOBILENET,
    cut: 'features',
    features: 1280,
    crop: 64,
    layers: 'all',
    optimizer: 'sgd',
    live: false,
    rate: 3e-4,
  },
  {
    name: 'MobileNetV2, live statistics',
    file: WITH_NORM,
    cut: 'features',
    features: 1280,
    crop: 64,
    layers: 'all',
    optimizer: 'sgd',
    live: true,
    rate: 3e-4,
  },
  {
    name: 'MobileNetV2, the last two layers',
    file: MOBILENET,
    cut: 'features',
    features: 1280,
    crop: 64,
    layers: 2,
    optimizer: 'adamw',
    live: false,
    rate: 1e-4,
  },
];

async function requestOf(o: Case, batch: number): Promise<TuneRequest> {
  const own = imageTrunk(decodeModel(readData(o.file)), o.cut);
  const next = random(3);
  const preprocessing = {
    resize: o.crop,
    crop: o.crop,
    layout: 'NCHW' as const,
    channels: 'RGB' as const,
    scale: 1 / 255,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    interpolation: 'bilinear' as const,
  };
  return {
    trunk: withPixelInput(own, own.graph.inputs[0]!.name, preprocessing),
    classes: CLASSES,
    head: {
      weight: Float32Array.from({ length: CLASSES * o.features }, () => (next() - 0.5) / 50),
      bias: new Float32Array(CLASSES),
    },
    parameters: trainedLayers(own, o.layers).parameters.map((p) => ({ ...p, rate: 1 })),
    batch,
    liveStatistics: o.live,
    optimizer: o.optimizer,
    weightDecay: 0.01,
    clip: 1,
    keepFrozen: o.layers !== 'all',
    accumulates: false,
    unfreezes: false,
    averages: false,
  };
}

interface Trained {
  readonly losses: readonly number[];
  readonly begun: Snapshot;
  readonly ended: Snapshot;
}
/** Steps on batches drawn from a seed; `from` and `until` leave off in the middle. */
async function steps(executor: Executor, o: Case, from = 1, until = STEPS, state?: Snapshot): Promise<Trained> {
  const batch = 6;
  const graphs = await tuneGraphs(executor, await requestOf(o, batch));
  const net = await tuner(executor, graphs);
  try {
    if (state) await net.restore(state);
    const begun = await net.snapshot();
    const losses: number[] = [];
    const count = graphs.input.dims.reduce((a, b) => a * b, 1);
    for (let step = from; step <= until; step++) {
      const next = random(step % 4);
      const data = graphs.below
        ? Float32Array.from({ length: count }, () => next())
        : Uint8Array.from({ length: count }, () => next() * 256);
      const targets = new Float32Array(batch * CLASSES);
      for (let k = 0; k < batch; k++) targets[k * CLASSES + ((k + step) % CLASSES)] = 1 / batch;
      losses.push((await net.step({ number: step, data, targets, rate: o.rate, open: 0, averageDecay: 0 })).loss);
    }
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

const onnxruntime = onnxruntimeExecutor({ threads: 2 });

describe.runIf(TENSORFLOW !== null && hasData(MOBILENET))('twenty steps on both engines', () => {
  it.each(CASES)('$name: the same losses and weights', async (o) => {
    const theirs = await steps(onnxruntime, o);
    // Rounding grows from step to step: how far, a run shows that begins a millionth beside the other on one engine.
    const beside = await steps(onnxruntime, o, 1, STEPS, nudged(theirs.begun));
    const ours = await steps(tensorflow(), o);
    const lossApart = (a: Trained): number =>
      Math.max(...a.losses.map((loss, i) => Math.abs(loss - theirs.losses[i]!) / theirs.losses[i]!));
    expect(Math.abs(ours.losses[0]! - theirs.losses[0]!) / theirs.losses[0]!).toBeLessThan(1e-4);
    expect(lossApart(ours)).toBeLessThan(Math.max(1e-3, 3 * lossApart(beside)));
    expect(lossApart(ours)).toBeLessThan(2e-2);
    const noise = apart(beside.ended, theirs.ended, theirs.begun);
    expect(apart(ours.ended, theirs.ended, theirs.begun)).toBeLessThan(Math.max(1e-2, 3 * noise));
    // And the same bits a second time.
    const again = await steps(tensorflow(), o);
    expect(again.losses).toEqual(ours.losses);
    expect(apart(again.ended, ours.ended, ours.begun)).toBe(0);
  });

  it('a run goes on on the other engine from its checkpoint', async () => {
    const o = CASES[2]!;
    const whole = await steps(onnxruntime, o);
    const half = await steps(onnxruntime, o, 1, STEPS / 2);
    const rest = await steps(tensorflow(), o, STEPS / 2 + 1, STEPS, half.ended);
    rest.losses.forEach((loss, i) => {
      expect(Math.abs(loss - whole.losses[i + STEPS / 2]!)).toBeLessThan(1e-3);
    });
    expect(apart(rest.ended, whole.ended, whole.begun)).toBeLessThan(1e-2);
  });
});
