import { decodeModel, encodeModel, type Model } from '../../src/onnx/index.js';
import { imageTrunk } from '../../src/tasks/image-classification/compose.js';
import { withPixelInput } from '../../src/tasks/image-classification/pixel-input.js';
import { random } from '../../src/tasks/random.js';
import type { Executor, HostTensor } from '../../workers/executors/executor.js';
import { type TuneRequest, tuneGraphs } from '../../workers/training/fine-tune/graphs.js';
import { trainedLayers } from '../../workers/training/fine-tune/trained.js';
import { type Tuner, tuner } from '../../workers/training/fine-tune/trainer.js';
import { PREPROCESSING, smallNet, WIDTH } from './small-net.js';

/** Fine-tuning with nothing but its optimizer. */
export const PLAIN = {
  liveStatistics: false,
  optimizer: 'adamw',
  weightDecay: 0.01,
  clip: 1,
  accumulates: false,
  unfreezes: false,
  averages: false,
} as const satisfies Partial<TuneRequest>;

/** The losses before each of some steps on one and the same batch. */
export async function lossesOf(
  net: Tuner,
  batch: { readonly data: HostTensor['data']; readonly targets: Float32Array },
  o: { readonly steps: number; readonly rate: number },
): Promise<readonly number[]> {
  const losses: number[] = [];
  for (let number = 1; number <= o.steps; number++)
    losses.push((await net.step({ ...batch, number, rate: o.rate, open: 1, averageDecay: 0 })).loss);
  return losses;
}

export const [CLASSES, BATCH] = [3, 8];

/** All layers of a small network, as it is after being read from a file, and a drawn head. */
export async function smallTuner(
  executor: Executor,
  o: Partial<TuneRequest> = {},
  net: Model = smallNet(),
): Promise<Tuner> {
  const own = imageTrunk(decodeModel(Buffer.concat(encodeModel(net))), 'features');
  const next = random(11);
  const graphs = await tuneGraphs(executor, {
    trunk: withPixelInput(own, own.graph.inputs[0]!.name, PREPROCESSING),
    classes: CLASSES,
    head: {
      weight: Float32Array.from({ length: CLASSES * WIDTH }, () => next() - 0.5),
      bias: new Float32Array(CLASSES),
    },
    parameters: trainedLayers(own, 'all').parameters.map((p) => ({ ...p, rate: 1 })),
    batch: BATCH,
    keepFrozen: false,
    ...PLAIN,
    ...o,
  });
  return tuner(executor, graphs);
}
