import type { JobRequest } from '../api/client.js';
import { type Context, numberOf, UsageError } from './options.js';

type Hyperparameters = NonNullable<JobRequest['hyperparameters']>;

/** Options of hyperparameters by their field: numbers, and words that the service knows. What is left out is `auto`. */
const NUMBERS = {
  epochs: ['epochs', 'passes over the training examples (auto)'],
  'learning-rate': ['learningRate', '(auto)'],
  'batch-size': ['batchSize', '(auto)'],
  'weight-decay': ['weightDecay', '(auto)'],
  'label-smoothing': ['labelSmoothing', 'share of each target that is spread over all labels (auto)'],
  seed: ['seed', 'same seed, same model (0)'],
  warmup: ['warmup', 'share of the steps over which the learning rate rises (auto)'],
  'gradient-clip': ['gradientClip', 'most norm of all gradients together, 0: no limit (auto)'],
  'layer-decay': ['layerDecay', "each layer's learning rate by the next one's above it (auto)"],
  patience: ['patience', 'epochs without a better result after which training ends (auto)'],
  'micro-batch': ['microBatch', 'examples of a pass; gradients of several are added up (auto)'],
  'average-decay': ['averageDecay', 'share that a step leaves of the moving average of weights, 0: none (auto)'],
  dropout: ['dropout', 'share of the features that the head does not see in a step (auto)'],
  'layer-dropout': ['layerDropout', 'share of what the blocks of an encoder add that is left out in a step (auto: 0)'],
} as const satisfies Readonly<Record<string, readonly [keyof Hyperparameters, string]>>;
const WORDS = {
  optimizer: ['optimizer', 'of --fine-tune and --scratch: adamw, sgd (auto)'],
  schedule: ['schedule', 'of the learning rate: cosine, linear, constant (auto)'],
  'batch-norm': ['batchNorm', 'live, frozen (auto)'],
  augmentation: ['augmentation', 'none, light, medium, strong (auto)'],
  unfreezing: ['unfreezing', 'none, gradual (auto)'],
  'average-use': ['averageUse', 'when the average becomes the model: better, always (auto)'],
  pooling: ['pooling', "how the vectors of a text's tokens become one: mean, cls, max (auto)"],
  'long-text': ['longText', 'texts longer than the base reads: truncate, windows (auto)'],
  embeddings: ['embeddings', "of texts, the words' vectors: frozen, trained (auto)"],
  precision: ['precision', 'what a step computes in: float32, mixed (bfloat16, of the engine tensorflow) (auto)'],
} as const satisfies Readonly<Record<string, readonly [keyof Hyperparameters, string]>>;
const CLASS_WEIGHTS = 'class-weights';

/** For a command's help. */
export const hyperparameterOptions: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries({ ...NUMBERS, ...WORDS }).map(([option, [, about]]) => [option, about])),
  [CLASS_WEIGHTS]: 'what an example counts: none, balanced, or ants=2,bees=1 (auto)',
};

/** What was given of them. Throws `UsageError` for what is no number. */
export function hyperparametersOf(values: Context['values']): Hyperparameters {
  const chosen: Record<string, unknown> = {};
  for (const [option, [field]] of Object.entries(NUMBERS)) {
    const value = numberOf(values, option);
    if (value !== undefined) chosen[field] = value;
  }
  for (const [option, [field]] of Object.entries(WORDS)) {
    if (values[option] !== undefined) chosen[field] = values[option];
  }
  const weights = values[CLASS_WEIGHTS];
  if (weights !== undefined) chosen.classWeights = /=/.test(weights) ? weightsOf(weights) : weights;
  return chosen;
}

function weightsOf(text: string): Record<string, number> {
  return Object.fromEntries(
    text.split(',').map((part) => {
      const at = part.lastIndexOf('=');
      const value = Number(part.slice(at + 1));
      if (at < 1 || !(value > 0))
        throw new UsageError(`--${CLASS_WEIGHTS} takes label=number pairs, numbers above 0, not '${part}'.`);
      return [part.slice(0, at).trim(), value];
    }),
  );
}
