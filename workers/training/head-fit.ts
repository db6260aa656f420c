import { GraftError } from '../../src/errors.js';
import { argmax } from '../../src/tasks/classification/metrics.js';
import type { Executor } from '../executors/executor.js';
import { batches } from './head-batches.js';
import type { HeadData } from './head-data.js';
import { headGraph, headTrainer } from './head-graph.js';
import { rateOf } from './head-schedule.js';
import type { Control, Resolved } from './head-search.js';
import { crossEntropy } from './held-out.js';

export interface FitPoint {
  readonly name: 'train/loss' | 'validation/loss' | 'validation/accuracy';
  /** Epoch, from 1. */
  readonly step: number;
  readonly value: number;
}
/** A loss says little more when it is told more often than this. */
const MOST_POINTS = 50;

/**
 * Trains one linear head on standardised features: the loss, its gradient and the step of Adam are one ONNX graph.
 * Weights start at zeros and batches are drawn from the seed, so the same data give the same bits. `validation` is only
 * looked at. Throws `job-impossible` naming step, learning rate and tensor when the loss is no longer a number.
 */
export async function fitHead(
  executor: Executor,
  train: HeadData,
  validation: HeadData,
  o: Resolved & { readonly seed: number; readonly labelSmoothing: number },
  control: Control,
  onEpoch: (epoch: number, points: readonly FitPoint[]) => void,
): Promise<{ weight: Float32Array; bias: Float32Array; epochs: number }> {
  const { width, classes } = train;
  const size = Math.min(o.batchSize, train.n);
  const graph = await headGraph(executor, {
    features: width,
    classes,
    configs: 1,
    batch: size,
    penalties: [o.weightDecay],
    labelSmoothing: o.labelSmoothing,
  });
  const trainer = await headTrainer(executor, graph);
  try {
    const weigh = (row: number) => train.weights?.[train.labels[row]!] ?? 1;
    const source = batches({ data: train, size, configs: 1, seed: o.seed, weigh });
    const total = o.epochs * source.perEpoch;
    const every = Math.max(1, Math.ceil(o.epochs / MOST_POINTS));
    let epoch = 0;
    for (let steps = 0; epoch < o.epochs; ) {
      let sum = 0;
      let count = 0;
      for (const batch of source.epoch(epoch)) {
        const loss = await trainer.step(batch, rateOf(o.learningRate, steps, total, source.perEpoch));
        steps++;
        if (!Number.isFinite(loss)) throw diverged(loss, steps, o.learningRate, await trainer.parameters());
        sum += loss;
        count++;
        await control.breathe();
        if (control.leaving()) await control.leave();
        if (control.stopped()) break;
      }
      epoch++;
      const last = epoch === o.epochs || control.stopped();
      const points: FitPoint[] = [];
      if (last || epoch === 1 || epoch % every === 0) {
        points.push({ name: 'train/loss', step: epoch, value: sum / count });
        points.push(...(await measured(trainer, validation, epoch)));
      }
      onEpoch(epoch, points);
      if (control.stopped()) break;
    }
    const parameters = await trainer.parameters();
    const bad = [...Object.entries(parameters)].find(([, data]) => data.some((x) => !Number.isFinite(x)));
    if (bad) throw diverged(Number.NaN, epoch * source.perEpoch, o.learningRate, parameters);
    return { ...parameters, epochs: epoch };
  } finally {
    await trainer.dispose();
  }
}

async function measured(
  trainer: { logits(features: Float32Array): Promise<Float32Array> },
  data: HeadData,
  epoch: number,
): Promise<readonly FitPoint[]> {
  if (data.n === 0) return [];
  const logits = await trainer.logits(data.features);
  let loss = 0;
  let correct = 0;
  for (let i = 0; i < data.n; i++) {
    loss += crossEntropy(logits, i * data.classes, data.classes, data.labels[i]!);
    if (argmax(logits.subarray(i * data.classes, (i + 1) * data.classes)) === data.labels[i]) correct++;
  }
  return [
    { name: 'validation/loss', step: epoch, value: loss / data.n },
    { name: 'validation/accuracy', step: epoch, value: correct / data.n },
  ];
}

function diverged(
  loss: number,
  step: number,
  learningRate: number,
  parameters: { weight: Float32Array; bias: Float32Array },
): GraftError {
  const tensor = parameters.weight.some((x) => !Number.isFinite(x))
    ? 'head.weight'
    : parameters.bias.some((x) => !Number.isFinite(x))
      ? 'head.bias'
      : 'loss';
  return new GraftError(
    'job-impossible',
    `Training diverged: at step ${step} with learning rate ${learningRate} the loss is ${loss} and the tensor '${tensor}' holds numbers that are not finite. Use a smaller learningRate, or leave it to "auto".`,
  );
}
