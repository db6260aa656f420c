import type { Hyperparameters } from '../../src/domain/types.js';
import type { Tensor } from '../../src/onnx/index.js';
import type { Executor } from '../executors/executor.js';
import type { ReadBase } from './base-file.js';
import type { Control } from './head-search.js';
import type { JobTexts } from './job-texts.js';
import type { FromChild, RunSpec } from './messages.js';
import type { Parts } from './parts.js';
import type { Tell } from './progress.js';

/** What a method is given. */
export interface MethodInput {
  readonly executor: Executor;
  /** Runs what is not trained. */
  readonly forward: Executor;
  readonly spec: RunSpec;
  readonly readBase: ReadBase;
  readonly parts: Parts;
  /** The texts of train, validation and test split, one behind the other; null where the examples are none. */
  readonly texts: JobTexts | null;
  readonly control: Control;
  readonly tell: (message: FromChild) => void;
  readonly progress: Tell;
}
/** What a method leaves: a head, what it changed of the base, and what the two say of the examples held out. */
export interface MethodResult {
  readonly hyperparameters: Hyperparameters;
  /** Which of the weights that it went through became the model, in words; null where there was no choice. */
  readonly kept: string | null;
  /** Epochs really trained. */
  readonly epochs: number;
  readonly features: number;
  /** ONNX file `features -> logits, probabilities`. */
  readonly head: Uint8Array;
  /** Tensors of the base by name, as they are now; null where the base is unchanged. */
  readonly changed: ReadonlyMap<string, Tensor> | null;
  /** Row-major [examples, classes]. */
  readonly probabilities: { readonly validation: Float32Array; readonly test: Float32Array };
}
