import type { Pooling } from './inputs.js';

export type Method =
  | { readonly type: 'featureExtraction'; readonly cut?: string }
  | { readonly type: 'fineTuning'; readonly layers: 'all' | number; readonly cut?: string }
  | { readonly type: 'scratch'; readonly cut?: string };
/** What only fine-tuning and training from scratch have; left out means `auto`. */
export interface TuningHyperparameters {
  readonly optimizer?: 'auto' | 'adamw' | 'sgd';
  readonly schedule?: 'auto' | 'cosine' | 'linear' | 'constant';
  /** Share of the steps over which the learning rate rises. */
  readonly warmup?: 'auto' | number;
  /** Most Euclidean norm of all gradients together; 0: as they are. */
  readonly gradientClip?: 'auto' | number;
  /** Each layer's learning rate is this times the next one's above it. */
  readonly layerDecay?: 'auto' | number;
  /** Epochs without a better validation result after which training ends. */
  readonly patience?: 'auto' | number;
  /** Whether BatchNormalization goes by each batch's statistics or by the base's. */
  readonly batchNorm?: 'auto' | 'live' | 'frozen';
  readonly augmentation?: 'auto' | 'none' | 'light' | 'medium' | 'strong';
  /** Examples of one pass; the gradients of several passes are added up to a step's. */
  readonly microBatch?: 'auto' | number;
  /** `gradual`: layers come in from the head down, one after the other over the first half of the epochs. */
  readonly unfreezing?: 'auto' | 'none' | 'gradual';
  /** Share that a step leaves of the moving average of all weights; 0: none is kept. */
  readonly averageDecay?: 'auto' | number;
  /** Whether the average becomes the model where it is the better one on validation, or always. */
  readonly averageUse?: 'auto' | 'better' | 'always';
  /** Share of the features that the head does not see in a step. */
  readonly dropout?: 'auto' | number;
  /** Share of what each block of an encoder adds that is left out in a step. */
  readonly layerDropout?: 'auto' | number;
  /** Of texts: whether the words' vectors are trained with the layers. */
  readonly embeddings?: 'auto' | 'frozen' | 'trained';
  /** What a training step computes in; weights and moments are float32 always. */
  readonly precision?: 'auto' | Precision;
}
/** `mixed`: convolutions and products in bfloat16. */
export type Precision = 'float32' | 'mixed';
/** Weights of labels in the loss: `balanced` gives each label the same in all; of given ones only the ratios count. */
export type ClassWeights = 'none' | 'balanced' | Readonly<Record<string, number>>;
export interface Hyperparameters extends TuningHyperparameters {
  readonly epochs: number | 'auto';
  readonly learningRate: number | 'auto';
  readonly batchSize: number | 'auto';
  readonly weightDecay: number | 'auto';
  readonly labelSmoothing: number | 'auto';
  readonly seed: number;
  /** Of every method; left out means `auto`. */
  readonly classWeights?: 'auto' | ClassWeights;
  /** Of texts longer than the base reads: whether they are cut off, or read in windows whose scores are pooled. */
  readonly longText?: 'auto' | 'truncate' | 'windows';
  /** Of texts: how the vectors of a text's tokens become one. */
  readonly pooling?: 'auto' | Pooling;
}
