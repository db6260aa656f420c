import type { ClassWeights, Hyperparameters, TuningHyperparameters } from '../../../src/domain/types.js';
import { type Chosen, choices } from '../choices.js';
import { chosenClassWeights } from '../class-weights.js';
import { pictureDefaults, textDefaults } from './defaults.js';

/** Every choice made: what the user gave stays, the rest follows from the data and the network. */
export type TuneSettings = {
  readonly [K in Exclude<keyof TuningHyperparameters, 'embeddings'>]-?: Exclude<
    TuningHyperparameters[K],
    'auto' | undefined
  >;
} & {
  /** Of texts: whether the words' vectors are trained too. */
  readonly embeddings?: 'frozen' | 'trained';
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly labelSmoothing: number;
  readonly classWeights: ClassWeights;
  readonly seed: number;
};

export interface TuneFacts {
  readonly examples: number;
  /** Training examples of each label. */
  readonly counts: readonly number[];
  /** Fresh weights have everything to learn; given ones must not be forgotten. */
  readonly scratch: boolean;
  /** Whether what lies below the trained layers is computed once per example, so that pictures cannot vary. */
  readonly keepsFrozen: boolean;
  /** Whether the trained part normalises by BatchNormalization that is still its own operator. */
  readonly batchNorm: boolean;
  readonly text?: boolean;
  /** Features of an example. */
  readonly width?: number;
}

/** Statistics of fewer examples than this are too noisy to normalise by. */
const LEAST_LIVE_BATCH = 16;
/** Fewer steps than this leave an average that still remembers where it began. */
const LEAST_AVERAGED_STEPS = 50;

/**
 * Fills in what was left to `auto`, and says of each choice why. `fits` is the most examples that a pass can have in the
 * memory there is, once that is known.
 */
export function tuneSettings(
  h: Hyperparameters,
  f: TuneFacts,
  fits = Number.POSITIVE_INFINITY,
): { readonly settings: TuneSettings; readonly chosen: readonly Chosen[] } {
  const { pick, chosen } = choices();
  const optimizer = pick(
    'optimizer',
    h.optimizer,
    'adamw',
    'its steps do not depend on the scale of a layer, so that one learning rate fits bases of any kind',
  );
  const defaultsFor = (batchNorm: 'live' | 'frozen') =>
    (f.text ? textDefaults : pictureDefaults)({ ...f, optimizer, batchNorm });
  const batchSize = Math.min(pick('batchSize', h.batchSize, ...defaultsFor('frozen').batchSize), f.examples);
  // Passes of one size; the last may be filled up.
  const passes = Math.ceil(batchSize / Math.min(batchSize, fits));
  const microBatch = Math.min(
    pick(
      'microBatch',
      h.microBatch,
      Math.ceil(batchSize / passes),
      passes === 1
        ? 'the whole batch fits into memory'
        : `larger passes do not fit into memory; the gradients of ${passes} are added up to a step`,
    ),
    batchSize,
  );
  const perEpoch = Math.ceil(f.examples / batchSize);
  const live = microBatch >= LEAST_LIVE_BATCH;
  const batchNorm = f.batchNorm
    ? pick(
        'batchNorm',
        h.batchNorm,
        live ? 'live' : 'frozen',
        live
          ? `${microBatch} examples of a pass tell mean and variance well enough`
          : `${microBatch} examples of a pass tell mean and variance badly; the base's are kept`,
      )
    : 'frozen';
  const own = defaultsFor(batchNorm);
  const epochs = pick('epochs', h.epochs, ...own.epochs(perEpoch));
  const schedule = pick('schedule', h.schedule, ...own.schedule);
  const settles = schedule !== 'constant';
  const enough = perEpoch * epochs >= LEAST_AVERAGED_STEPS;
  const kept = settles || !enough ? 0 : Number((1 - 10 / (perEpoch * epochs)).toPrecision(3));
  const why = settles
    ? 'a learning rate that falls to zero settles by itself'
    : enough
      ? 'the learning rate does not fall, so the average of about the last tenth of the steps settles instead'
      : 'there are too few steps to average';
  const settings: TuneSettings = {
    batchSize,
    microBatch,
    optimizer,
    epochs,
    learningRate: pick('learningRate', h.learningRate, ...own.rate),
    weightDecay: pick('weightDecay', h.weightDecay, 0.01, 'weak: few steps, and early stopping guards too'),
    labelSmoothing: pick(
      'labelSmoothing',
      h.labelSmoothing,
      f.scratch ? 0.1 : 0,
      f.scratch
        ? 'fresh weights grow sure of what they have learnt by heart'
        : 'a base that is good would be blurred by it',
    ),
    classWeights: chosenClassWeights(h.classWeights, f.counts, pick),
    seed: h.seed,
    schedule,
    warmup: pick('warmup', h.warmup, 0.1, 'the first moments of the gradients are guesses'),
    gradientClip: pick('gradientClip', h.gradientClip, 1, 'one odd batch must not undo the others'),
    layerDecay: pick('layerDecay', h.layerDecay, ...own.layerDecay),
    patience: pick('patience', h.patience, ...own.patience(epochs)),
    dropout: pick('dropout', h.dropout, ...own.dropout),
    layerDropout: pick(
      'layerDropout',
      h.layerDropout,
      0,
      'left out unless asked for: given weights have learnt with it already',
    ),
    ...(own.embeddings !== null && { embeddings: pick('embeddings', h.embeddings, ...own.embeddings) }),
    batchNorm,
    augmentation:
      f.keepsFrozen || f.text
        ? 'none'
        : pick(
            'augmentation',
            h.augmentation,
            'light',
            'crops and mirrored pictures, which hold for photos of any kind',
          ),
    unfreezing: pick(
      'unfreezing',
      h.unfreezing,
      'none',
      'the head is trained before, so that its first gradients do not spoil the layers below',
    ),
    averageDecay: pick('averageDecay', h.averageDecay, kept, why),
    averageUse: pick('averageUse', h.averageUse, 'better', 'what does better on validation is kept'),
    precision: pick(
      'precision',
      h.precision,
      'float32',
      'mixed is for devices with units for bfloat16, where a job asks for it',
    ),
  };
  return { settings, chosen: chosen() };
}
