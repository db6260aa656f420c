import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { TextInput } from '../../../src/domain/types.js';
import { decodeModel, inputShapes, type Model, measureShapes, simplified } from '../../../src/onnx/index.js';
import { textTrunk } from '../../../src/tasks/text-classification/compose.js';
import { onnxruntimeExecutor, shapeRunner } from '../../../workers/executors/onnxruntime.js';
import { dropoutMask } from '../../../workers/training/fine-tune/dropout.js';
import { type TuneRequest, tuneGraphs } from '../../../workers/training/fine-tune/graphs.js';
import { residualBranches } from '../../../workers/training/fine-tune/residuals.js';
import { trainedLayers } from '../../../workers/training/fine-tune/trained.js';
import { type Tuner, tuner } from '../../../workers/training/fine-tune/trainer.js';
import { type SmallBert, smallBert } from '../../support/bert.js';
import { sharedData } from '../../support/data.js';
import { network } from '../../support/networks.js';
import { random } from '../../support/onnx.js';
import { PLAIN } from '../../support/tuning.js';

const executor = onnxruntimeExecutor({ threads: 1 });
const open: Tuner[] = [];
afterAll(async () => {
  for (const net of open) await net.dispose();
  await executor.dispose();
});
const [CLASSES, WIDTH, BATCH, LENGTH] = [2, 8, 3, 16];
const TEXT: TextInput = {
  inputs: { ids: 'input_ids', mask: 'attention_mask', types: null },
  ...{ maxLength: 64, padId: 0, vocabulary: 40, pooling: 'mean' },
};
const FORMS: readonly (readonly [string, SmallBert])[] = [
  ['one operator', { opset: 17, norms: 'operator' }],
  ['spelled out', { opset: 13, norms: 'spelled' }],
];

async function branchesOf(model: Model, length = LENGTH) {
  const shapes = await measureShapes(model, inputShapes(model, { batch: 2, length }), shapeRunner(executor));
  return residualBranches(model, shapes).map(({ tokens, width }) => [tokens, width]);
}
async function made(dropout: TuneRequest['dropout'], form: SmallBert): Promise<Tuner> {
  const trunk = textTrunk(smallBert(form), 'last_hidden_state', TEXT);
  const next = random(11);
  const weight = Float32Array.from({ length: CLASSES * WIDTH }, () => next() - 0.5);
  const graphs = await tuneGraphs(executor, {
    ...PLAIN,
    trunk,
    dropout: dropout ?? null,
    tokens: { text: TEXT, length: LENGTH },
    classes: CLASSES,
    head: { weight, bias: new Float32Array(CLASSES) },
    parameters: trainedLayers(trunk, 'all').parameters.map((p) => ({ ...p, rate: 1 })),
    batch: BATCH,
    keepFrozen: false,
  });
  const net = await tuner(executor, graphs);
  open.push(net);
  return net;
}
const next = random(3);
const data = Int32Array.from({ length: BATCH * LENGTH }, () => 1 + Math.floor(39 * next()));
const targets = Float32Array.of(1, 0, 0, 1, 1, 0).map((x) => x / BATCH);
/** The loss of a step that changes nothing. */
const lossAt = async (net: Tuner, number: number): Promise<number> =>
  (await net.step({ number, data, targets, rate: 0, open: 0, averageDecay: 0 })).loss;

describe('the branches of an encoder', () => {
  it.each(FORMS)('are its sums that a layer normalisation follows: %s', async (_, form) => {
    expect(await branchesOf(smallBert(form))).toEqual([
      [LENGTH, WIDTH],
      [LENGTH, WIDTH],
    ]);
  });

  it('are not there where nothing is normalised', async () => {
    expect(await branchesOf(smallBert())).toEqual([]);
    await expect(made({ rate: 0, layers: 0.1, seed: 1 }, {})).rejects.toMatchObject({
      code: 'job-impossible',
      options: { errors: [{ path: '/hyperparameters/layerDropout' }] },
    });
  });

  it.each([
    ...[
      'albert',
      'bert',
      'bert-new',
      'bert-spelled',
      'bert-training',
      'bert_sdpa',
      'distilbert',
      'electra',
      'keras_bert',
    ],
    ...['roberta', 'vit_hub'],
  ])('are two for each block of %s, as exporters write it', async (name) => {
    const found = await branchesOf(simplified((await network(name)).model), 8);
    expect(found).toEqual(Array.from({ length: name === 'albert' ? 6 : 4 }, () => [expect.any(Number), 32]));
  });

  const minilm = sharedData('models', 'minilm-l6-v2', 'onnx', 'model.onnx');
  const small = join(import.meta.dirname, '../../../bases/text-small/text-small.onnx');
  const twoForEach = async (path: string, blocks: number) =>
    expect(await branchesOf(decodeModel(await readFile(path)))).toEqual(
      Array.from({ length: 2 * blocks }, () => [LENGTH, 384]),
    );
  it('are two for each block of text-small', () => twoForEach(small, 3));
  it.runIf(minilm !== null)('are two for each block of MiniLM', () => twoForEach(minilm!, 6));
});

describe('dropout in the layers', () => {
  it.each(FORMS)('varies the steps, and nothing else: %s', async (_, form) => {
    const [plain, dropped] = [await made(null, form), await made({ rate: 0, layers: 0.5, seed: 1 }, form)];
    const still = [await lossAt(plain, 1), await lossAt(plain, 2)];
    expect(still[1]).toBe(still[0]);
    const varied = [await lossAt(dropped, 1), await lossAt(dropped, 2), await lossAt(dropped, 3)];
    expect(new Set([...varied, still[0]]).size).toBe(4);
    // The same step draws the same, so that a resumed run ends like one that was not.
    expect(await lossAt(dropped, 2)).toBe(varied[1]);
    const logits = [await plain.logits(data), await dropped.logits(data)] as const;
    for (const [i, x] of logits[0].entries()) expect(logits[1][i]).toBeCloseTo(x, 5);
  });

  it('draws masks of the given shares, the features of the head by their own', () => {
    const numbers = 20_000;
    const mask = dropoutMask({ rate: 0, layers: 0.2, features: 100, seed: 5 }, 1, 0, [2, numbers]);
    const rows = [0, 1].map((row) => (mask.data as Float32Array).subarray(row * numbers, (row + 1) * numbers));
    expect(rows[0]).not.toEqual(rows[1]);
    for (const row of rows) {
      expect(row.subarray(0, 100).every((x) => x === 1)).toBe(true);
      const tail = row.subarray(100);
      expect(new Set(tail)).toEqual(new Set([0, Math.fround(1.25)]));
      const mean = tail.reduce((sum, x) => sum + x, 0) / tail.length;
      expect(Math.abs(mean - 1)).toBeLessThan(0.02);
    }
  });
});
