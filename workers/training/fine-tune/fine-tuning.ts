import { createHash } from 'node:crypto';
import type { Tensor } from '../../../src/onnx/index.js';
import { textJson } from '../../../src/tasks/text-classification/compose.js';
import { SEARCHED, tellChosen } from '../choices.js';
import { weightsOf } from '../class-weights.js';
import { featureExtraction, headFile } from '../extraction.js';
import type { RunInput } from '../messages.js';
import type { MethodInput, MethodResult } from '../method.js';
import { countsOf, numbersOf } from '../parts.js';
import type { Position } from './checkpoint.js';
import { fitting } from './fit.js';
import { type TuneGraphs, tuneGraphs } from './graphs.js';
import { type LoopSettings, tune } from './loop.js';
import { type HeldSource, logitsOf } from './measure.js';
import { mib } from './memory.js';
import { measuredWidth, tunedNetwork } from './network.js';
import { precisionWords, refusePrecision } from './precision.js';
import type { TuneSettings } from './settings.js';
import { withSmallerPasses } from './smaller-passes.js';
import { trainedLayers } from './trained.js';
import { tuner } from './trainer.js';

/**
 * Fine-tuning, and training from scratch. The head is trained on the base's features first, so that the first steps do not
 * spoil the base for the sake of a head that knows nothing (Kumar et al. 2022, arXiv 2202.10054); then the chosen layers
 * and the head together. The best epoch by validation is kept.
 */
export async function fineTuning(o: MethodInput): Promise<MethodResult> {
  const { executor, forward, spec, control, tell, progress } = o;
  const { train, validation, test, labels } = o.parts;
  const { method } = spec;
  const given = spec.hyperparameters;
  refusePrecision(given, executor.engine);
  const scratch = method.type === 'scratch';
  const base = (await o.readBase()).model;
  const network = await tunedNetwork(o, base);
  const { own, trunk, text } = network;
  const wanted = method.type === 'fineTuning' ? method.layers : 'all';
  const layers = trainedLayers(own, wanted);
  const counts = countsOf(numbersOf(train, labels), labels.length);
  const keepsFrozen = network.keepsFrozen && wanted !== 'all';
  const linear = scratch ? null : await featureExtraction(o, { ...given, ...SEARCHED });
  if (scratch) tell({ type: 'state', state: 'running' });
  const features = linear?.features ?? spec.width ?? (await measuredWidth(executor, trunk));
  const facts = {
    ...{ examples: train.length, counts, scratch, keepsFrozen, batchNorm: layers.batchNorm },
    text: text !== null,
    width: features,
  };
  const head = linear?.linear ?? freshHead(features, labels.length);
  const parametersOf = (s: TuneSettings) =>
    layers.parameters
      .filter(({ name }) => s.embeddings !== 'frozen' || !text?.tables.has(name))
      .map(({ name, depth }) => ({ name, depth, rate: s.layerDecay ** depth }));
  const graphsFor = async (s: TuneSettings, length: number | undefined): Promise<TuneGraphs> => ({
    precision: s.precision,
    ...(await tuneGraphs(
      executor,
      {
        trunk,
        tokens: text === null || length === undefined ? null : { text: text.input, length },
        dropout: s.dropout > 0 || s.layerDropout > 0 ? { rate: s.dropout, layers: s.layerDropout, seed: s.seed } : null,
        classes: labels.length,
        head,
        parameters: parametersOf(s),
        batch: s.microBatch,
        liveStatistics: s.batchNorm === 'live',
        optimizer: s.optimizer,
        weightDecay: s.weightDecay,
        clip: s.gradientClip === 0 ? null : s.gradientClip,
        keepFrozen: keepsFrozen,
        accumulates: s.microBatch < s.batchSize,
        unfreezes: s.unfreezing === 'gradual',
        averages: s.averageDecay > 0,
      },
      // What sizes are is told by the faster one.
      forward,
    )),
  });
  // By the longest texts: what a pass takes grows with the length.
  const available = Math.min(process.availableMemory(), spec.memoryBytes ?? Number.POSITIVE_INFINITY);
  const built = async (s: TuneSettings) => {
    const graphs = await graphsFor(s, network.lengths(s).at(-1));
    return { ...graphs, memory: { ...graphs.memory, pictures: network.bytes(graphs, s) } };
  };
  return withSmallerPasses(given, tell, async (most, passesOf) => {
    const { settings, chosen, graphs, memory } = await fitting(given, facts, available, built, most);
    passesOf(settings.microBatch);
    const hyperparameters = { ...given, ...settings };
    tell({ type: 'resolved', hyperparameters, engine: executor.engine, memory });
    tellChosen(tell, 'chose', chosen);
    const passes = Math.ceil(settings.batchSize / settings.microBatch);
    const lengths = network.lengths(settings);
    tell({
      type: 'log',
      level: 'info',
      message: `trains ${layers.names.length} layers (${parametersOf(settings).length} tensors) and the head${belowIs(graphs, wanted, lengths)}${passes === 1 ? '' : `; a step adds up the gradients of ${passes} passes of ${settings.microBatch} examples`}${precisionWords(settings.precision, executor.engine)}; about ${mib(memory.estimate.total)} of ${mib(memory.available)} MiB of memory`,
      data: {
        layers: layers.names.slice(0, 50),
        lengths: [...lengths],
        passes,
        memory: { ...memory, estimate: { ...memory.estimate } },
      },
    });

    const sources = await network.sources(graphs, settings);
    const net = await tuner(executor, graphs, text === null ? undefined : (length) => graphsFor(settings, length));
    try {
      const loop = loopOf(o, settings, { counts, layers: layers.names.length });
      const tuned = await tune(net, sources.train, sources.validation, loop, control, {
        metrics: (points) => tell({ type: 'metrics', points }),
        progress: (done, total) => progress('training', done, total),
        log: (level, message, data) => tell({ type: 'log', level, message, data }),
      });
      await net.adopt(tuned.best);
      const { best } = tuned.position;
      const kept = keptOf(best);
      const pace = { ...tuned.pace };
      tell({
        type: 'log',
        level: 'info',
        message: `${kept}; a step took ${pace.stepMs.toFixed(0)} ms and waited ${pace.waitMs.toFixed(1)} ms for its examples`,
        data: { best: { ...best }, pace },
      });
      const probabilities = async (held: HeldSource, n: number) =>
        n === 0 ? new Float32Array(0) : softmaxRows(await logitsOf(net, held, loop), labels.length);
      const result = {
        hyperparameters,
        kept: `${kept} by validation`,
        epochs: tuned.epochs,
        features,
        ...headApart(net.tensors(tuned.best), graphs.head),
        probabilities: {
          validation: await probabilities(sources.validation, validation.length),
          test: await probabilities(sources.test, test.length),
        },
      };
      tell({ type: 'memory', memory: { ...memory, peak: process.resourceUsage().maxRSS * 1024 } });
      return result;
    } finally {
      await sources.close();
      await net.dispose();
    }
  });
}

function loopOf(
  o: MethodInput,
  settings: TuneSettings,
  { counts, layers }: { readonly counts: readonly number[]; readonly layers: number },
): LoopSettings {
  const { labels } = o.parts;
  return {
    ...settings,
    batch: settings.batchSize,
    classes: labels.length,
    classWeights: weightsOf(settings.classWeights, labels, counts),
    rate: settings.learningRate,
    layers,
    recipe: recipeOf(o, settings),
    folder: o.spec.checkpointDir,
    checkpointMs: o.spec.checkpointMs,
  };
}

/** The head as the file that it is kept as, and what else was trained, by name. */
function headApart(tensors: readonly Tensor[], names: readonly string[]): Pick<MethodResult, 'head' | 'changed'> {
  const changed = new Map(tensors.map((t) => [t.name, t]));
  const [weight, bias] = names.map((name) => floats(changed.get(name)!));
  for (const name of names) changed.delete(name);
  return { head: headFile({ weight: weight!, bias: bias! }), changed };
}

/** How the part below the trained layers is run, and texts of several lengths are. */
function belowIs({ below }: TuneGraphs, wanted: 'all' | number, lengths: readonly number[]): string {
  if (below !== null) return '; what lies below runs once per example';
  if (lengths.length === 0) return '';
  // Its rows would be as long as the texts times the width: hundreds of times a text's ids.
  const again = wanted === 'all' ? '' : '; what lies below is computed in every step';
  return `${again}; texts are padded to ${lengths.join(', ')} tokens, a graph each`;
}

/** Which weights become the model. */
function keptOf({ epoch, of }: Position['best']): string {
  if (epoch === 0) return 'no epoch was better than the head alone, which is kept';
  return `the ${of === 'average' ? 'moving average of the weights' : 'weights'} after epoch ${epoch} ${of === 'average' ? 'is' : 'are'} kept`;
}

const floats = (t: Tensor): Float32Array => new Float32Array(t.data.buffer, t.data.byteOffset, t.data.byteLength / 4);
const freshHead = (features: number, classes: number) => ({
  weight: new Float32Array(features * classes),
  bias: new Float32Array(classes),
});

/**
 * What the tensors of a checkpoint mean: only another run of the same may take it. How far and how fast a run goes (rates,
 * schedule, epochs) is not in it, so that a retry may change it; one that changes nothing ends with the same bits on the
 * same engine, and with the same up to rounding on another.
 */
function recipeOf({ spec, parts }: MethodInput, settings: TuneSettings): string {
  const { base, cut, dataset } = spec;
  // The cut that was asked for may be none: what counts is the one that was found.
  const { cut: _, ...method } = spec.method;
  const {
    batchSize,
    microBatch,
    optimizer,
    batchNorm,
    augmentation,
    averageDecay,
    dropout,
    layerDropout,
    embeddings,
    seed,
  } = settings;
  const meaning = {
    ...{ batchSize, microBatch, optimizer, batchNorm, augmentation, averages: averageDecay > 0, dropout, seed },
    ...(embeddings !== undefined && { embeddings }),
    ...(layerDropout > 0 && { layerDropout }),
  };
  const rows = parts.train.map((e) => e.digest).join();
  const all = [base.digest, cut, meaningOf(spec.input), method, dataset.digest, rows, parts.labels, meaning];
  return createHash('sha256').update(JSON.stringify(all)).digest('hex');
}

const meaningOf = (input: RunInput) =>
  input.kind === 'image' ? input.preprocessing : [textJson(input.text), input.tokenizer.digest];

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
