import type { Hyperparameters, Pooling } from '../../src/domain/types.js';
import type { Model } from '../../src/onnx/index.js';
import { pooledTrunk, poolsTokens } from '../../src/tasks/text-classification/compose.js';
import type { Executor } from '../executors/executor.js';
import { choices, SEARCHED, tellChosen } from './choices.js';
import type { FeaturesSpec } from './feature-source.js';
import { featureCache } from './features.js';
import { firstNonFinite, type HeadData, scaleOf, standardise } from './head-data.js';
import { search } from './head-search.js';
import type { RunExample, RunSpec, TextRunInput } from './messages.js';
import type { MethodInput } from './method.js';
import { numbersOf } from './parts.js';
import { textFeatures } from './text-features.js';

/** The first of equals is taken: means are what encoders of sentences are trained for most. */
const POOLINGS: readonly Pooling[] = ['mean', 'cls', 'max'];
/** Texts to choose on: more of them hardly change the choice. */
const MOST_TEXTS = 1024;

/**
 * The run with a pooling that is settled: what the user gave, else what the base was trained for, else what does best by
 * cross-validation inside the training examples. Says which of them.
 */
export async function withPooling(o: Omit<MethodInput, 'progress'>): Promise<RunSpec> {
  const { spec, tell } = o;
  const { input } = spec;
  if (input.kind !== 'text') return spec;
  const base = (await o.readBase()).model;
  if (!poolsTokens(base, spec.cut)) return spec;
  const given = spec.hyperparameters.pooling ?? 'auto';
  const settled = (pooling: Pooling): RunSpec => ({
    ...spec,
    input: { ...input, text: { ...input.text, pooling } },
    hyperparameters: { ...spec.hyperparameters, pooling },
  });
  if (given !== 'auto') return settled(given);
  const notes = choices();
  const { assumed, losses } = await found(o, base, input);
  const pooling = notes.pick('pooling', 'auto', assumed, reasonFor(input, spec.method.type, losses));
  tellChosen(tell, 'chose', notes.chosen(), losses === null ? {} : { heldOutLosses: { ...losses } });
  return settled(pooling);
}

type Losses = Readonly<Partial<Record<Pooling, number>>>;

function reasonFor({ poolingAssumed }: TextRunInput, method: RunSpec['method']['type'], losses: Losses | null): string {
  if (!poolingAssumed) return 'as the base was trained';
  if (method === 'scratch') return 'fresh weights were trained for none';
  if (losses === null) return 'the base does not say, and there are too few texts to find out';
  const all = Object.entries(losses).map(([name, loss]) => `${name} ${loss.toFixed(3)}`);
  return `the base does not say; held-out loss by cross-validation inside the training examples: ${all.join(', ')}`;
}

/** The pooling of the least held-out loss; that of the base's description where nothing was measured. */
async function found(o: Omit<MethodInput, 'progress'>, base: Model, input: TextRunInput) {
  const own = { assumed: input.text.pooling, losses: null };
  if (!input.poolingAssumed || o.spec.method.type === 'scratch') return own;
  const { executor, forward, spec, parts, control } = o;
  const texts = sampled(parts.train);
  const { width, values } = await pooledThreeWays(
    forward,
    base,
    { ...spec, ...(o.texts && { texts: o.texts }) },
    input,
    texts,
  );
  const losses: { [pooling in Pooling]?: number } = {};
  for (const [pooling, features] of values) {
    if (firstNonFinite(features) >= 0) continue;
    const labels = numbersOf(texts, parts.labels);
    const data: HeadData = { features, labels, n: texts.length, width, classes: parts.labels.length, weights: null };
    standardise(features, scaleOf(data));
    const given: Hyperparameters & { labelSmoothing: number } = {
      ...SEARCHED,
      labelSmoothing: 0,
      seed: spec.hyperparameters.seed,
    };
    const { heldOutLoss } = await search(executor, data, given, control);
    if (heldOutLoss !== null) losses[pooling] = heldOutLoss;
  }
  const [best] = POOLINGS.filter((p) => losses[p] !== undefined).sort((a, b) => losses[a]! - losses[b]!);
  return best === undefined ? own : { assumed: best, losses: losses as Losses };
}

/** Of each text one copy, evenly spread over the list. */
function sampled(examples: readonly RunExample[]): readonly RunExample[] {
  const unique = [...new Map(examples.map((e) => [e.digest, e])).values()];
  const step = Math.max(1, unique.length / MOST_TEXTS);
  return Array.from({ length: Math.min(unique.length, MOST_TEXTS) }, (_, i) => unique[Math.floor(i * step)]!);
}

/**
 * Features of texts by every pooling, row-major [texts, width], computed in one pass of the base; each pooling's are kept where a
 * job that pools so finds them.
 */
async function pooledThreeWays(
  executor: Executor,
  base: Model,
  spec: Omit<FeaturesSpec, 'input'>,
  input: TextRunInput,
  texts: readonly RunExample[],
): Promise<{ width: number; values: ReadonlyMap<Pooling, Float32Array> }> {
  const trunk = () => pooledTrunk(base, spec.cut, input.text, POOLINGS);
  const source = textFeatures(executor, { ...spec, input, trunk }, input);
  const width = spec.width ?? (await source.width()) / POOLINGS.length;
  const rows = new Map(texts.map((e, i) => [e.digest, [i]]));
  const parts = await Promise.all(
    POOLINGS.map(async (pooling) => {
      const own = { ...input, text: { ...input.text, pooling } };
      const cache = await featureCache(
        executor,
        { ...spec, input: own },
        textFeatures(executor, { ...spec, input: own }, own),
        width,
      );
      const values = new Float32Array(texts.length * width);
      return { pooling, cache, values, missing: await cache.load(rows, values) };
    }),
  );
  try {
    const todo = texts.filter(({ digest }) => parts.some(({ missing }) => missing.has(digest)));
    if (todo.length > 0)
      await source.forward(todo, (batch, features) => {
        for (const [p, { cache, values, missing }] of parts.entries())
          batch.forEach(({ digest }, i) => {
            if (!missing.has(digest)) return;
            const from = (i * POOLINGS.length + p) * width;
            const own = features.slice(from, from + width);
            values.set(own, rows.get(digest)![0]! * width);
            cache.add([digest], own);
          });
      });
  } finally {
    await Promise.all(parts.map(({ cache }) => cache.close()));
    await source.dispose();
  }
  return { width, values: new Map(parts.map(({ pooling, values }) => [pooling, values])) };
}
