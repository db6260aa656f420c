import { Type } from 'typebox';
import { closed, open, ref, words } from '../../http/schemas.js';

/** How a job trains: its method and hyperparameters. */
const METHODS = ['featureExtraction', 'fineTuning', 'scratch'] as const;

/** `"auto"` or a number. */
function auto(number: Record<string, unknown>, description: string) {
  return Type.Unsafe<'auto' | number>({ anyOf: [{ const: 'auto', type: 'string' }, number], description });
}
const LAYERS = Type.Unsafe<'all' | number>({
  anyOf: [
    { const: 'all', type: 'string' },
    { type: 'integer', minimum: 1 },
  ],
  description: 'fineTuning: the last n layers that have parameters, besides the head; left out, all.',
});
const METHOD = {
  type: words(METHODS),
  cut: Type.Optional(Type.String({ minLength: 1, maxLength: 500, description: "One of the base's cuts." })),
  layers: Type.Optional(LAYERS),
};
export const Method = closed(METHOD, {
  $id: 'Method',
  description:
    'Left out: `featureExtraction`, a linear head on the base as it is. `fineTuning` trains the last layers, or all, with the head; `scratch` the same network from fresh weights, as a baseline.',
});
export const ChosenMethod = open(METHOD, { $id: 'ChosenMethod' });

const HYPERPARAMETERS = {
  epochs: auto({ type: 'integer', minimum: 1, maximum: 10_000 }, 'Passes over the training split.'),
  learningRate: auto(
    { type: 'number', exclusiveMinimum: 0, maximum: 1000 },
    "Step size. featureExtraction whose batches are drawn: the first step's; it falls to nothing in a line.",
  ),
  batchSize: auto({ type: 'integer', minimum: 1, maximum: 65_536 }, 'Examples a step.'),
  weightDecay: auto(
    { type: 'number', minimum: 0, maximum: 1000 },
    'fineTuning and scratch: decoupled decay, a step takes learningRate times this of every weight away (AdamW), biases and normalisation excepted. featureExtraction: an L2 penalty, this / 2 times the squared weights on standardised features, so that the head has one optimum whatever the steps.',
  ),
  labelSmoothing: auto(
    { type: 'number', minimum: 0, exclusiveMaximum: 1 },
    'Share of every target that is spread evenly over all labels.',
  ),
  seed: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
};
const CLASS_WEIGHTS = Type.Unsafe<'auto' | 'none' | 'balanced' | Record<string, number>>({
  anyOf: [
    { enum: ['auto', 'none', 'balanced'], type: 'string' },
    {
      type: 'object',
      additionalProperties: { type: 'number', exclusiveMinimum: 0, maximum: 1_000_000 },
      minProperties: 1,
      maxProperties: 10_000,
    },
  ],
  description:
    'What an example counts in the loss, by its label: `balanced` gives every label the same in all; of given weights only the ratios count, a label left out has 1. `auto`: balanced where one label has at least five times the examples of another.',
});
const LONG_TEXT = words(['auto', 'truncate', 'windows'], {
  description:
    "Of texts longer than the base reads: `truncate` leaves their end out; `windows` reads them in overlapping windows, whose logits are averaged, weighted by the windows' tokens. `auto`: windows where more than a tenth of the texts are longer.",
});
const POOLING = words(['auto', 'mean', 'cls', 'max'], {
  description:
    "Of texts: how the vectors of a text's tokens become one. `auto`: as the base was trained (its `1_Pooling/config.json`, or a classifier of its own on the first token); where it does not say, what does best in cross-validation inside the training examples.",
});
/** Of fineTuning and scratch only. */
const TUNING = {
  optimizer: words(['auto', 'adamw', 'sgd'], { description: 'AdamW, or gradient descent with momentum 0.9.' }),
  schedule: words(['auto', 'cosine', 'linear', 'constant'], {
    description: 'How the learning rate falls after the warm-up.',
  }),
  warmup: auto({ type: 'number', minimum: 0, maximum: 0.9 }, 'Share of the steps over which the learning rate rises.'),
  gradientClip: auto({ type: 'number', minimum: 0 }, 'Most Euclidean norm of all gradients together; 0: no limit.'),
  layerDecay: auto(
    { type: 'number', exclusiveMinimum: 0, maximum: 1 },
    "Discriminative learning rates: each layer's is this times the next one's above it.",
  ),
  patience: auto(
    { type: 'integer', minimum: 1, maximum: 10_000 },
    'Epochs without a better validation result after which training ends.',
  ),
  batchNorm: words(['auto', 'live', 'frozen'], {
    description: "Whether BatchNormalization goes by each batch's statistics or keeps the base's.",
  }),
  augmentation: words(['auto', 'none', 'light', 'medium', 'strong'], {
    description: 'How the training pictures are varied.',
  }),
  microBatch: auto(
    { type: 'integer', minimum: 1, maximum: 65_536 },
    'Examples of one pass; the gradients of as many passes as a batch takes are added up to one step. The same mathematics as one pass where no BatchNormalization goes by its batch. `auto`: the whole batch, or the largest that fits into memory.',
  ),
  unfreezing: words(['auto', 'none', 'gradual'], {
    description:
      'gradual: layers come in from the head down over the first half of the epochs; those that wait keep their values, their gradients are computed.',
  }),
  averageDecay: auto(
    { type: 'number', minimum: 0, exclusiveMaximum: 1 },
    'Exponential moving average of all weights: the share that a step leaves of it; 0: none is kept.',
  ),
  averageUse: words(['auto', 'better', 'always'], {
    description:
      'When the average becomes the model: where it is better on validation than the weights that were trained, or always. `auto`: better.',
  }),
  dropout: auto(
    { type: 'number', minimum: 0, maximum: 0.9 },
    'Share of the features that the head does not see in a step, drawn anew for every example. `auto`: 0.1 for texts, 0 for pictures.',
  ),
  layerDropout: auto(
    { type: 'number', minimum: 0, maximum: 0.9 },
    "Share of what each attention and feed-forward block of an encoder adds that is left out in a step, drawn anew for every example and token: the dropout of BERT's own training, which exporters leave out. `auto`: 0.",
  ),
  embeddings: words(['auto', 'frozen', 'trained'], {
    description:
      "Of texts: whether the words' vectors are trained with the layers. `auto`: frozen, but with 20,000 texts or more and from scratch.",
  }),
  precision: words(['auto', 'float32', 'mixed'], {
    description:
      'What a training step computes in. `mixed`: convolutions and matrix products in bfloat16 with sums, normalisation, softmax, loss, weights and moments in float32; only the engine tensorflow has it. `auto`: float32.',
  }),
};
const TUNING_OPTIONAL = {
  optimizer: Type.Optional(TUNING.optimizer),
  schedule: Type.Optional(TUNING.schedule),
  warmup: Type.Optional(TUNING.warmup),
  gradientClip: Type.Optional(TUNING.gradientClip),
  layerDecay: Type.Optional(TUNING.layerDecay),
  patience: Type.Optional(TUNING.patience),
  batchNorm: Type.Optional(TUNING.batchNorm),
  augmentation: Type.Optional(TUNING.augmentation),
  microBatch: Type.Optional(TUNING.microBatch),
  unfreezing: Type.Optional(TUNING.unfreezing),
  averageDecay: Type.Optional(TUNING.averageDecay),
  averageUse: Type.Optional(TUNING.averageUse),
  dropout: Type.Optional(TUNING.dropout),
  layerDropout: Type.Optional(TUNING.layerDropout),
  embeddings: Type.Optional(TUNING.embeddings),
  precision: Type.Optional(TUNING.precision),
};
export const HyperparametersRequest = closed(
  {
    epochs: Type.Optional(HYPERPARAMETERS.epochs),
    learningRate: Type.Optional(HYPERPARAMETERS.learningRate),
    batchSize: Type.Optional(HYPERPARAMETERS.batchSize),
    weightDecay: Type.Optional(HYPERPARAMETERS.weightDecay),
    labelSmoothing: Type.Optional(HYPERPARAMETERS.labelSmoothing),
    seed: Type.Optional(HYPERPARAMETERS.seed),
    classWeights: Type.Optional(CLASS_WEIGHTS),
    longText: Type.Optional(LONG_TEXT),
    pooling: Type.Optional(POOLING),
    ...TUNING_OPTIONAL,
  },
  { $id: 'HyperparametersRequest', description: 'What is left out is chosen by the trainer (`auto`); `seed` is 0.' },
);
export const Hyperparameters = open(
  {
    ...HYPERPARAMETERS,
    classWeights: Type.Optional(CLASS_WEIGHTS),
    longText: Type.Optional(LONG_TEXT),
    pooling: Type.Optional(POOLING),
    ...TUNING_OPTIONAL,
  },
  { $id: 'Hyperparameters', description: 'From `optimizer` on: of fineTuning and scratch only.' },
);
export const RetryRequest = closed(
  { hyperparameters: Type.Optional(ref(HyperparametersRequest)) },
  {
    $id: 'RetryRequest',
    description:
      'What to do otherwise than the failed job: a smaller `learningRate` after a run that diverged, for one. Rates, schedule, decay, clipping, epochs and patience may change and the run still goes on from the checkpoint that was kept; with anything else it begins anew.',
  },
);
