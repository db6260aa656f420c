import type { Model } from '../../src/onnx/index.js';
import type { ReadBase } from './base-file.js';
import type { JobTexts } from './job-texts.js';
import type { RunExample, RunInput } from './messages.js';

export interface FeaturesSpec {
  readonly base: { readonly path: string; readonly digest: string };
  /** The base as the job has read it; left out, it is read here. */
  readonly readBase?: ReadBase;
  readonly cut: string;
  readonly width: number | null;
  readonly input: RunInput;
  readonly packPath: string;
  readonly cache: { readonly root: string; readonly maxBytes: number };
  /** The job's texts, where the examples are some. */
  readonly texts?: JobTexts;
  /** The graph of inputs -> rows that `cut` names, where it is not the base cut there. */
  readonly trunk?: () => Model;
}

/** The trunk over one kind of input; compiled when it is first needed: a job whose features are all known never does so. */
export interface FeatureSource {
  /** What the features depend on besides engine, base, cut and the example itself. */
  readonly meaning: readonly [recipe: string, input: string];
  /** Features of one example, by a run on nothing in particular. */
  width(): Promise<number>;
  /** Computes the features of all examples, in batches in an order of its own: rows of `features` are those of `batch`. */
  forward(
    examples: readonly RunExample[],
    onBatch: (batch: readonly RunExample[], features: Float32Array) => void,
  ): Promise<void>;
  dispose(): Promise<void>;
}
