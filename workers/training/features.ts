import { GraftError } from '../../src/errors.js';
import type { Executor } from '../executors/executor.js';
import { cacheKey, type FeatureCache, openFeatureCache } from './feature-cache.js';
import type { FeatureSource, FeaturesSpec } from './feature-source.js';
import type { RunExample } from './messages.js';
import { pictureFeatures } from './picture-features.js';
import { textFeatures } from './text-features.js';

export interface Features {
  /** Row-major [examples, width], in the order of the examples. */
  readonly values: Float32Array;
  readonly width: number;
  readonly computed: number;
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
  const cache = await featureCache(executor, spec, source, width);
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

/** Where features of this meaning are kept. */
export async function featureCache(
  executor: Executor,
  { base, cut, cache: { root, maxBytes } }: FeaturesSpec,
  { meaning: [recipe, input] }: Pick<FeatureSource, 'meaning'>,
  width: number,
): Promise<FeatureCache> {
  const { executor: engine, version } = executor.engine;
  const key = cacheKey([recipe, engine, version, base.digest, cut, input]);
  return openFeatureCache({ root, key, width, maxBytes });
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
