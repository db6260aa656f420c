import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Pooling } from '../../../src/domain/types.js';
import { encodeModel } from '../../../src/onnx/index.js';
import { random } from '../../../src/tasks/random.js';
import { tokenTexts } from '../../../workers/data/text/batches.js';
import { rowTable } from '../../../workers/data/text/row-table.js';
import { onnxruntimeExecutor } from '../../../workers/executors/onnxruntime.js';
import { baseReader } from '../../../workers/training/base-file.js';
import { extractFeatures } from '../../../workers/training/features.js';
import type { JobTexts } from '../../../workers/training/job-texts.js';
import type { FromChild, RunExample, RunSpec, TextRunInput } from '../../../workers/training/messages.js';
import type { MethodInput } from '../../../workers/training/method.js';
import { withPooling } from '../../../workers/training/pooling-choice.js';
import { smallBert } from '../../support/bert.js';

const executor = onnxruntimeExecutor({ threads: 1 });
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graft-pooling-'));
  await writeFile(join(folder, 'base.onnx'), Buffer.concat(encodeModel(smallBert())));
});
afterAll(async () => {
  await executor.dispose();
  await rm(folder, { recursive: true });
});

const inputs = { ids: 'input_ids', mask: 'attention_mask', types: null };
const INPUT: TextRunInput = {
  kind: 'text',
  text: { inputs, maxLength: 32, padId: 0, vocabulary: 40, pooling: 'mean' },
  poolingAssumed: true,
  tokenizer: { path: '', digest: 'sha256:0' },
};

/** Texts of which the first token tells the label, and nothing else does. */
const next = random(3);
const IDS = Array.from({ length: 80 }, (_, i) => [
  i % 2 === 0 ? 1 : 2,
  ...Array.from({ length: 10 }, () => 3 + Math.floor(36 * next())),
]);
const examples = IDS.map((ids, index): RunExample => {
  const digest = `sha256:${Buffer.from(ids).toString('hex').padEnd(64, '0').slice(0, 64)}`;
  return { index, path: '', label: String(index % 2), split: null, offset: 0, bytes: 0, digest };
});
const table = rowTable(
  Int32Array.from(IDS, (ids) => ids.length),
  { specials: { before: [], after: [] }, most: 32 },
);
const texts = {
  ...{ input: INPUT, table, most: 32, placeOf: ({ index }: { index: number }) => index },
  read: (rows: Iterable<number>) => tokenTexts(Array.from(rows, (row) => IDS[row]!)),
} as unknown as JobTexts;
const control = {
  stopped: () => false,
  leaving: () => false,
  breathe: async () => {},
  leave: () => Promise.reject(new Error('left')),
};

async function settled(
  input: TextRunInput,
  given?: 'auto' | Pooling,
  type: RunSpec['method']['type'] = 'featureExtraction',
) {
  const told: FromChild[] = [];
  const spec = {
    base: { path: join(folder, 'base.onnx'), digest: 'sha256:b' },
    ...{ cut: 'last_hidden_state', width: 8, input, packPath: '', method: { type } },
    cache: { root: join(folder, 'cache'), maxBytes: 1 << 20 },
    hyperparameters: { seed: 1, ...(given !== undefined && { pooling: given }) },
  } as unknown as RunSpec;
  const parts = { train: examples, validation: [], test: [], labels: ['0', '1'], own: false };
  const readBase = baseReader(spec.base);
  const o: Omit<MethodInput, 'progress'> = {
    ...{ executor, forward: executor, spec, readBase, parts, texts, control },
    tell: (m) => told.push(m),
  };
  const found = await withPooling(o);
  const pooling = found.input.kind === 'text' ? found.input.text.pooling : null;
  expect(found.hyperparameters.pooling).toBe(pooling);
  return { found, pooling, words: told.map((m) => (m.type === 'log' ? m.message : '')).join('\n') };
}

it('where the base does not say, cross-validation finds the pooling that tells the labels', async () => {
  const { pooling, words, found } = await settled(INPUT);
  expect(pooling).toBe('cls');
  expect(words).toMatch(/^chose:\n {2}pooling cls: the base does not say; held-out loss .*mean \d.*cls 0\.\d+.*max/);

  // The features of one pass serve the job that follows, and are what it would have computed.
  const spec = { ...found, texts };
  const kept = await extractFeatures(executor, spec, examples, () => {});
  expect(kept.computed).toBe(0);
  const fresh = await extractFeatures(
    executor,
    { ...spec, cache: { root: join(folder, 'none'), maxBytes: 0 } },
    examples,
    () => {},
  );
  expect(fresh.computed).toBe(examples.length);
  for (const [i, x] of fresh.values.entries()) expect(kept.values[i]!).toBeCloseTo(x, 5);
});

it('what the user gave, and what the base was trained for, stays', async () => {
  expect(await settled(INPUT, 'max')).toMatchObject({ pooling: 'max', words: '' });
  const said = await settled({ ...INPUT, poolingAssumed: false });
  expect(said).toMatchObject({ pooling: 'mean', words: 'chose:\n  pooling mean: as the base was trained' });
  expect((await settled(INPUT, 'auto', 'scratch')).words).toContain('fresh weights were trained for none');
});
