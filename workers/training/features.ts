import { GraftError } from '../../src/errors.js';
import type { Model } from '../../src/onnx/index.js';
import type { Executor } from '../executors/executor.js';
import { cacheKey, openFeatureCache } from './feature-cache.js';
import type { RunExample, RunInput } from './messages.js';
import { pictureFeatures } from './picture-features.js';
import { textFeatures } from './text-features.js';

export interface FeaturesSpec {
  readonly base: { readonly path: string; readonly digest: string };
  readonly cut: string;
  readonly width: number | null;
  readonly input: RunInput;
  readonly packPath: string;
  readonly cache: { readonly root: string; readonly maxBytes: number };
  /** The graph of inputs -> rows that `cut` names, where it is not the base cut there. */
  readonly trunk?: () => Model;
}
export interface Features {
  /** Row-major [examples, width], in the order of the examples. */
  readonly values: Float32Array;
  readonly width: number;
  readonly computed: number;
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

/**
 * What the frozen part of the base says of every example: from the cache where it is known, else computed. Copies of one
 * example are computed once. `onProgress` hears how many of the examples are done.
 */
export async function extractFeatures(
  executor: Executor,
  spec: FeaturesSpec,
  examples: readonly RunExample[],
  onProgress: (done: number) => void,
): Promise<Features> {
  const { cut } = spec;
  const source = sourceOf(executor, spec);
  const width = spec.width ?? (await source.width());
  const values = new Float32Array(examples.length * width);
  const rows = new Map<string, number[]>();
  examples.forEach((e, i) => {
    const list = rows.get(e.digest);
    if (list) list.push(i);
    else rows.set(e.digest, [i]);
  });
  const { executor: engine, version } = executor.engine;
  const [recipe, input] = source.meaning;
  const key = cacheKey([recipe, engine, version, spec.base.digest, cut, input]);
  const cache = await openFeatureCache({ root: spec.cache.root, key, width, maxBytes: spec.cache.maxBytes });
  try {
    const missing = await cache.load(rows, values);
    const todo = examples.filter((e, i) => missing.has(e.digest) && rows.get(e.digest)![0] === i);
    let done = examples.length - todo.reduce((n, e) => n + rows.get(e.digest)!.length, 0);
    onProgress(done);
    if (todo.length > 0) {
      await source.forward(todo, (batch, features) => {
        if (features.length !== batch.length * width) throw wrongWidth(cut, width, features.length / batch.length);
        batch.forEach((e, i) => {
          for (const row of rows.get(e.digest)!) values.set(features.subarray(i * width, (i + 1) * width), row * width);
          done += rows.get(e.digest)!.length;
        });
        cache.add(
          batch.map((e) => e.digest),
          features,
        );
        onProgress(done);
      });
    }
    return { values, width, computed: todo.length };
  } finally {
    await cache.close();
    await source.dispose();
  }
}

function sourceOf(executor: Executor, spec: FeaturesSpec): FeatureSource {
  const { input } = spec;
  return input.kind === 'text'
    ? textFeatures(executor, spec, input)
    : pictureFeatures(executor, spec, input.preprocessing);
}

function wrongWidth(cut: string, wanted: number, found: number): GraftError {
  return new GraftError(
    'job-impossible',
    `Cut at '${cut}' the base gives ${found} features for an example, not the ${wanted} that its description says. Upload the base again, or choose another cut.`,
  );
}
