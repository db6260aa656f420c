import { describe, it } from 'vitest';
import type { Precision } from '../../../src/domain/types.js';
import { decodeModel } from '../../../src/onnx/index.js';
import { imageTrunk } from '../../../src/tasks/image-classification/compose.js';
import { withPixelInput } from '../../../src/tasks/image-classification/pixel-input.js';
import { type TuneRequest, tuneGraphs } from '../../../workers/training/fine-tune/graphs.js';
import { trainedLayers } from '../../../workers/training/fine-tune/trained.js';
import { tuner } from '../../../workers/training/fine-tune/trainer.js';
import { expectAgreement, expectHandedOver, expectMixed, type Trial, turns } from '../../support/agreement.js';
import { hasData, random, readData } from '../../support/onnx.js';
import { queuedTensorflow, TENSORFLOW } from '../../support/tensorflow.js';

const [CLASSES, BATCH, CROP, FEATURES] = [5, 6, 64, 1280];
const [MOBILENET, WITH_NORM] = [
  'models/mobilenetv2-1.0-imagenet-backbone.onnx',
  'models/mobilenetv2-1.0-imagenet-backbone-bn.onnx',
] as const;

interface Case {
  readonly name: string;
  readonly file: string;
  readonly layers: 'all' | number;
  readonly optimizer: TuneRequest['optimizer'];
  readonly live: boolean;
  readonly rate: number;
}
const CASES = [
  { name: 'folded, all layers', file: MOBILENET, layers: 'all', optimizer: 'sgd', live: false, rate: 3e-4 },
  { name: 'live statistics', file: WITH_NORM, layers: 'all', optimizer: 'sgd', live: true, rate: 3e-4 },
  { name: 'the last two layers', file: MOBILENET, layers: 2, optimizer: 'adamw', live: false, rate: 1e-4 },
] as const satisfies readonly Case[];

function requestOf(o: Case): TuneRequest {
  const own = imageTrunk(decodeModel(readData(o.file)), 'features');
  const next = random(3);
  const preprocessing = {
    resize: CROP,
    crop: CROP,
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
      weight: Float32Array.from({ length: CLASSES * FEATURES }, () => (next() - 0.5) / 50),
      bias: new Float32Array(CLASSES),
    },
    parameters: trainedLayers(own, o.layers).parameters.map((p) => ({ ...p, rate: 1 })),
    batch: BATCH,
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

/** Batches drawn from a seed, four of them. */
const trialOf = (o: Case): Trial => ({
  ...o,
  async begin(executor) {
    const graphs = await tuneGraphs(executor, requestOf(o));
    const length = graphs.input.dims.reduce((a, b) => a * b, 1);
    return {
      net: await tuner(executor, graphs),
      batch(step) {
        const next = random(step % 4);
        const data = graphs.below
          ? Float32Array.from({ length }, () => next())
          : Uint8Array.from({ length }, () => next() * 256);
        return { data, targets: turns(BATCH, CLASSES, step) };
      },
    };
  },
});

/** One batch again and again, each class of another kind of picture: something to learn, unlike noise. */
const learnable = (o: Case, precision: Precision): Trial => ({
  ...o,
  async begin(executor) {
    const graphs = { ...(await tuneGraphs(executor, requestOf(o))), precision };
    const row = graphs.input.dims.slice(1).reduce((a, b) => a * b, 1);
    const kinds = Array.from({ length: CLASSES }, (_, k) => {
      const next = random(90 + k);
      return Float64Array.from({ length: row }, () => next());
    });
    const size = graphs.below ? 1 : 256;
    const values = Array.from(
      { length: BATCH * row },
      (_, i) => size * kinds[Math.floor(i / row) % CLASSES]![i % row]!,
    );
    const data = graphs.below ? Float32Array.from(values) : Uint8Array.from(values);
    return { net: await tuner(executor, graphs), batch: () => ({ data, targets: turns(BATCH, CLASSES, 0) }) };
  },
});

describe.runIf(TENSORFLOW !== null && hasData(MOBILENET))('MobileNetV2, twenty steps on both engines', () => {
  it.each(CASES)('$name: the same losses and weights', (o) => expectAgreement(trialOf(o)));
  it.each(CASES)('$name: the same where each step is read after the next, as on a GPU', (o) =>
    expectAgreement(trialOf(o), queuedTensorflow()));
  // Statistics of six examples make more of every rounding: the first loss moves by a hundredth to four by the order alone in
  // which products with oneDNN, with Eigen or in float32 with results rounded once add up.
  it.each(CASES)('$name: mixed precision learns as float32 does', (o) =>
    expectMixed(learnable(o, 'mixed'), learnable(o, 'float32'), o.live ? 0.15 : 0.03));
  it('a run goes on on the other engine from its checkpoint', () => expectHandedOver(trialOf(CASES[2])));
});
