import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { decodeModel, inputShapes, type Model, measureShapes, type Tensor } from '../../../src/onnx/index.js';
import { imageTrunk } from '../../../src/tasks/image-classification/compose.js';
import { channelsOf, withPixelInput } from '../../../src/tasks/image-classification/pixel-input.js';
import { shapeRunner } from '../../executors/onnxruntime.js';
import { featureExtraction, headFile } from '../extraction.js';
import { extractFeatures } from '../features.js';
import type { RunExample } from '../messages.js';
import type { MethodInput, MethodResult } from '../method.js';
import { numbersOf } from '../parts.js';
import { fitting } from './fit.js';
import { freshWeights } from './fresh.js';
import { type TuneGraphs, tuneGraphs } from './graphs.js';
import { AHEAD, type HeldSource, type LoopSettings, logitsOf, type TuneSource, tune } from './loop.js';
import { augmentedPictures } from './pictures.js';
import type { TuneSettings } from './settings.js';
import { heldPictures, heldRows, rowSource } from './sources.js';
import { trainedLayers } from './trained.js';
import { tuner } from './trainer.js';

/** Rows of a frozen part up to this size are kept; what is larger is computed in every step. */
const MOST_FROZEN_BYTES = 1024 * 1024 * 1024;

/**
 * Fine-tuning, and training from scratch. The head is trained on the base's features first, so that the first steps do not
 * spoil the base for the sake of a head that knows nothing (Kumar et al. 2022, arXiv 2202.10054); then the chosen layers
 * and the head together. The best epoch by validation is kept.
 */
export async function fineTuning(o: MethodInput): Promise<MethodResult> {
  const { executor, spec, control, tell, progress } = o;
  const { train, test, labels } = o.parts;
  const { method, preprocessing } = spec;
  const given = spec.hyperparameters;
  const scratch = method.type === 'scratch';
  const base = decodeModel(await readFile(spec.base.path));
  const plain = imageTrunk(base, spec.cut);
  const own = scratch ? freshWeights(plain, given.seed) : plain;
  const wanted = method.type === 'fineTuning' ? method.layers : 'all';
  const layers = trainedLayers(own, wanted);
  const trunk = withPixelInput(own, own.graph.inputs[0]!.name, preprocessing);
  const linear = scratch
    ? null
    : await featureExtraction(o, {
        ...given,
        epochs: 'auto',
        learningRate: 'auto',
        batchSize: 'auto',
        weightDecay: 'auto',
      });
  if (scratch) tell({ type: 'state', state: 'running' });
  const facts = { examples: train.length, scratch, keepsFrozen: wanted !== 'all', batchNorm: layers.batchNorm };
  const features = linear?.features ?? spec.width ?? (await measuredWidth(executor, trunk));
  const { settings, graphs, halved } = await fitting(given, facts, process.availableMemory(), (s) =>
    tuneGraphs(executor, {
      trunk,
      classes: labels.length,
      head: linear?.linear ?? freshHead(features, labels.length),
      parameters: layers.parameters.map(({ name, depth }) => ({ name, rate: s.layerDecay ** depth })),
      batch: s.batchSize,
      liveStatistics: s.batchNorm === 'live',
      optimizer: s.optimizer,
      weightDecay: s.weightDecay,
      clip: s.gradientClip === 0 ? null : s.gradientClip,
      keepFrozen: facts.keepsFrozen,
    }),
  );
  const { seed: _seed, labelSmoothing: _smoothing, ...chosen } = settings;
  const hyperparameters = { ...given, ...chosen };
  tell({ type: 'resolved', hyperparameters, engine: executor.engine });
  tell({
    type: 'log',
    level: 'info',
    message: `trains ${layers.names.length} layers (${layers.parameters.length} tensors) and the head${graphs.below === null ? '' : '; what lies below runs once per example'}${halved ? `; batches of ${settings.batchSize}, since larger ones do not fit into memory` : ''}; a step takes about ${Math.ceil(graphs.memory / 2 ** 20)} MiB`,
    data: { layers: layers.names.slice(0, 50), settings: { ...chosen }, memoryBytes: graphs.memory },
  });

  const sources = await sourcesOf(o, graphs, settings);
  const net = await tuner(executor, graphs);
  try {
    const loop: LoopSettings = {
      ...settings,
      batch: settings.batchSize,
      classes: labels.length,
      rate: settings.learningRate,
      recipe: recipeOf(o, settings),
      folder: spec.checkpointDir,
      checkpointMs: spec.checkpointMs,
    };
    const tuned = await tune(net, sources.train, sources.validation, loop, control, {
      metrics: (points) => tell({ type: 'metrics', points }),
      progress: (done, total) => progress('training', done, total),
      warn: (message, data) => tell({ type: 'log', level: 'warning', message, data }),
    });
    await net.restore(tuned.best);
    const tensors = new Map(net.tensors(tuned.best).map((t) => [t.name, t]));
    const [weight, bias] = graphs.head.map((name) => floats(tensors.get(name)!));
    const head = headFile({ weight: weight!, bias: bias! });
    for (const name of graphs.head) tensors.delete(name);
    return {
      hyperparameters,
      epochs: tuned.epochs,
      features,
      head,
      changed: tensors,
      probabilities: {
        validation: softmaxRows(await logitsOf(net, sources.validation, loop), labels.length),
        test:
          test.length === 0 ? new Float32Array(0) : softmaxRows(await logitsOf(net, sources.test, loop), labels.length),
      },
    };
  } finally {
    await sources.close();
    await net.dispose();
  }
}

/** Features of a trunk whose description does not tell their number. */
async function measuredWidth(executor: MethodInput['executor'], trunk: Model): Promise<number> {
  const shapes = await measureShapes(trunk, inputShapes(trunk, { batch: 1 }), shapeRunner(executor));
  return shapes.get(trunk.graph.outputs[0]!.name)!.dims.at(-1)!;
}

const floats = (t: Tensor): Float32Array => new Float32Array(t.data.buffer, t.data.byteOffset, t.data.byteLength / 4);
const freshHead = (features: number, classes: number) => ({
  weight: new Float32Array(features * classes),
  bias: new Float32Array(classes),
});

/** Two runs of one recipe go through the same states; a checkpoint is only taken by its own. */
function recipeOf({ spec, executor, parts }: MethodInput, settings: TuneSettings): string {
  const { base, cut, preprocessing, method, dataset } = spec;
  const rows = parts.train.map((e) => e.digest).join();
  const all = [
    base.digest,
    cut,
    preprocessing,
    method,
    dataset.digest,
    rows,
    parts.labels,
    settings,
    executor.engine.version,
  ];
  return createHash('sha256').update(JSON.stringify(all)).digest('hex');
}

interface Sources {
  readonly train: TuneSource;
  readonly validation: HeldSource;
  readonly test: HeldSource;
  close(): Promise<void>;
}

async function sourcesOf(o: MethodInput, graphs: TuneGraphs, settings: TuneSettings): Promise<Sources> {
  const { executor, spec, progress } = o;
  const { train, validation, test, labels } = o.parts;
  const numbers = (list: readonly RunExample[]) => numbersOf(list, labels);
  const { below } = graphs;
  const examples = [...train, ...validation, ...test];
  if (below !== null && examples.length * below.width * 4 <= MOST_FROZEN_BYTES) {
    const { values, width } = await extractFeatures(
      executor,
      {
        ...spec,
        cut: `${spec.cut}, below the last ${layersOf(o)} layers`,
        width: below.width,
        trunk: () => below.model,
      },
      examples,
      (done) => progress('frozen', done, examples.length),
    );
    const rows = (from: number, n: number) => values.subarray(from * width, (from + n) * width);
    const n = train.length + validation.length;
    return {
      train: rowSource(rows(0, train.length), width, numbers(train), labels.length),
      validation: heldRows(rows(train.length, validation.length), width, numbers(validation)),
      test: heldRows(rows(n, test.length), width, numbers(test)),
      close: async () => {},
    };
  }
  const bytes = spec.preprocessing.crop ** 2 * channelsOf(spec.preprocessing);
  const pictures = await augmentedPictures(spec, train, numbers(train), labels.length, settings, AHEAD);
  return {
    train: pictures,
    validation: heldPictures(spec.packPath, validation, numbers(validation), spec.preprocessing, bytes),
    test: heldPictures(spec.packPath, test, numbers(test), spec.preprocessing, bytes),
    close: () => pictures.close(),
  };
}
const layersOf = ({ spec }: MethodInput): string =>
  spec.method.type === 'fineTuning' ? String(spec.method.layers) : 'all';

function softmaxRows(logits: Float32Array, classes: number): Float32Array {
  const out = new Float32Array(logits.length);
  for (let at = 0; at < logits.length; at += classes) {
    let most = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < classes; c++) most = Math.max(most, logits[at + c]!);
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += Math.exp(logits[at + c]! - most);
    for (let c = 0; c < classes; c++) out[at + c] = Math.exp(logits[at + c]! - most) / sum;
  }
  return out;
}
