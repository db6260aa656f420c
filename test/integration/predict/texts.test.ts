import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from '../../../scripts/build.mjs';
import type { TextInput } from '../../../src/domain/types.js';
import type { Prediction, ServedModel } from '../../../src/services/predict-protocol.js';
import { postgresBlobStore } from '../../../src/storage/postgres.js';
import { composeModel } from '../../../src/tasks/text-classification/compose.js';
import { openTokenizer } from '../../../workers/data/text/tokenizer.js';
import { smallBert } from '../../support/bert.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { fileOf, type PredictHome, predictHome, smallHead } from '../../support/predict.js';
import { CATASTROPHIC, catastrophicFiles } from '../../support/tokenizer.js';

const WORDS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', ...'abcdefghijklmnopqrstuvwxyz'.split('').map((c) => `${c}${c}`)];
const FILES = { 'vocab.txt': `${WORDS.join('\n')}\n` };
const TEXT: TextInput = {
  inputs: { ids: 'input_ids', mask: 'attention_mask', types: 'token_type_ids' },
  maxLength: 16,
  padId: 0,
  vocabulary: WORDS.length,
  pooling: 'mean',
};
const LABELS = ['no', 'yes', 'maybe'];
const base = smallBert({ types: true });
const heads = [smallHead(1, 3), smallHead(2, 3)];
/** Of a base that came with another tokenizer. */
const hangs = `sha256:${'0'.repeat(64)}`;
let db: TestDatabase;
let home: PredictHome;
let models: readonly ServedModel[];

beforeAll(async () => {
  await build();
  db = await testDatabase();
  home = await predictHome(db.url);
  const blobs = postgresBlobStore(db.pool);
  const put = (key: string, bytes: Uint8Array) => blobs.put(key, Readable.from([bytes]));
  const file = fileOf(base);
  const digest = `sha256:${createHash('sha256').update(file).digest('hex')}`;
  await put(`bases/${digest}`, file);
  await put(`tokenizers/${digest}`, Buffer.from(JSON.stringify(FILES)));
  await put(`bases/${hangs}`, file);
  await put(`tokenizers/${hangs}`, Buffer.from(JSON.stringify(catastrophicFiles(WORDS))));
  models = await Promise.all(
    heads.map(async (head, i): Promise<ServedModel> => {
      const headKey = `models/mdl_text${i}/head`;
      await put(headKey, fileOf(head));
      const of = { base: { id: 'base_text', digest }, cut: 'last_hidden_state', headKey, labels: LABELS };
      return { id: `mdl_text${i}`, task: 'text-classification', ...of, preprocessing: null, text: TEXT };
    }),
  );
  await home.start();
});
afterAll(async () => {
  await home?.close();
  await db?.close();
});

const ask = async (model: ServedModel, texts: readonly string[]) => {
  const inputs = texts.map((text) => ({ kind: 'text' as const, bytes: Buffer.from(text) }));
  return home.client.predict({ model, inputs, top: 3 });
};
/** Texts of 1 to 30 words. */
const texts = Array.from({ length: 300 }, (_, i) =>
  Array.from({ length: 1 + ((i * 7) % 30) }, (_, k) => WORDS[4 + ((i * 5 + k * k * 3) % 26)]).join(' '),
);

interface Scores {
  readonly probabilities: Float32Array;
  readonly logits: Float32Array;
}
/** The exported graph on a text alone, without any padding. */
async function alone(head: (typeof heads)[number]): Promise<(text: string) => Promise<Float32Array>> {
  const tokenizer = openTokenizer(FILES);
  const row = await rowScores(head);
  return async (text) => (await row(tokenizer.encode(text, TEXT.maxLength).ids)).probabilities;
}
async function rowScores(head: (typeof heads)[number]): Promise<(ids: readonly number[]) => Promise<Scores>> {
  const whole = composeModel(base, head, { cut: 'last_hidden_state', labels: LABELS, text: TEXT });
  const session = await InferenceSession.create(fileOf(whole));
  return async (ids) => {
    const input = (of: (id: number) => number) =>
      new Tensor(
        'int64',
        BigInt64Array.from(ids, (id) => BigInt(of(id))),
        [1, ids.length],
      );
    const feeds = { input_ids: input((id) => id), attention_mask: input(() => 1), token_type_ids: input(() => 0) };
    const { probabilities, logits } = await session.run(feeds);
    return { probabilities: probabilities?.data as Float32Array, logits: logits?.data as Float32Array };
  };
}
const good = (one: Prediction | undefined) => {
  if (one === undefined || 'error' in one) throw new Error(JSON.stringify(one));
  return one;
};

describe('texts', () => {
  it('of many lengths in one call get what the exported graph says of each alone', async () => {
    const { predictions, timing } = await ask(models[0]!, texts);
    expect(timing.batch).toBeGreaterThan(1);
    const expected = await alone(heads[0]!);
    for (const [i, text] of texts.entries()) {
      const { top, truncated } = good(predictions[i]);
      const row = await expected(text);
      for (const { label, probability } of top) expect(probability).toBeCloseTo(row[LABELS.indexOf(label)]!, 5);
      // Two of the 16 tokens are special ones.
      expect(truncated ?? false).toBe(text.split(' ').length > 14);
    }
  });

  it('far longer than the base reads get what their beginning says', async () => {
    const long = Array.from({ length: 3 }, (_, i) => `${texts[5 + i]} `.repeat(2000));
    const { predictions } = await ask(models[0]!, [...long, 'aa'.repeat(2000)]);
    const expected = await alone(heads[0]!);
    for (const [i, text] of long.entries()) {
      const row = await expected(text);
      const { top, truncated } = good(predictions[i]);
      for (const { label, probability } of top) expect(probability).toBeCloseTo(row[LABELS.indexOf(label)]!, 5);
      expect(truncated).toBe(true);
    }
    // One word that the tokenizer does not know, however long.
    expect(good(predictions[3]).truncated).toBeUndefined();
  });

  it('are read in windows where the model was trained so, their scores pooled by tokens', async () => {
    const windows = { overlap: 3, most: 4 };
    const { predictions } = await ask({ ...models[0]!, text: { ...TEXT, windows } }, texts.slice(0, 60));
    const row = await rowScores(heads[0]!);
    const tokenizer = openTokenizer(FILES);
    const seen = new Set<number>();
    for (const [i, text] of texts.slice(0, 60).entries()) {
      const { top, truncated, windows: read = 1 } = good(predictions[i]);
      // Windows of 14 words, each 11 behind the one before: 30 words need three.
      const words = tokenizer.plain(text);
      expect(read).toBe(words.length <= 14 ? 1 : 1 + Math.ceil((words.length - 14) / 11));
      expect(truncated).toBeUndefined();
      seen.add(read);
      const parts = Array.from({ length: read }, (_, k) => [2, ...words.slice(11 * k, 11 * k + 14), 3]);
      const said = await Promise.all(parts.map(row));
      const tokens = parts.reduce((n, part) => n + part.length, 0);
      const logits = LABELS.map((_, c) =>
        parts.reduce((x, part, k) => x + (part.length / tokens) * said[k]!.logits[c]!, 0),
      );
      const sum = logits.reduce((a, x) => a + Math.exp(x), 0);
      for (const { label, probability } of top)
        expect(probability).toBeCloseTo(Math.exp(logits[LABELS.indexOf(label)]!) / sum, 5);
    }
    expect([...seen].sort()).toEqual([1, 2, 3]);
    const long = await ask({ ...models[0]!, text: { ...TEXT, windows } }, ['aa '.repeat(500)]);
    expect(good(long.predictions[0])).toMatchObject({ windows: 4, truncated: true });
    // A window is a row like any other: no trunk of its own.
    expect((await home.client.stats()).trunks).toBe(1);
  });

  it('for two models share the trunk', async () => {
    const answers = await Promise.all(models.map((model) => ask(model, texts.slice(0, 20))));
    const { trunks, tokenizers, heads: loaded } = await home.client.stats();
    expect([trunks, tokenizers, loaded]).toEqual([1, 1, 2]);
    const expected = await alone(heads[1]!);
    for (const [i, text] of texts.slice(0, 20).entries()) {
      const row = await expected(text);
      const { label, probability } = good(answers[1]!.predictions[i]);
      expect(probability).toBeCloseTo(row[LABELS.indexOf(label)]!, 5);
    }
  });

  it('and pictures are not taken for each other', async () => {
    const inputs = [{ kind: 'image' as const, bytes: Buffer.from('no picture') }];
    const { predictions } = await home.client.predict({ model: models[0]!, inputs, top: 1 });
    expect(predictions[0]).toMatchObject({
      error: { code: 'input-invalid', detail: expect.stringContaining('no image') },
    });
  });

  it('are odd, and one of them changes nothing for the others', async () => {
    const odd = ['\u202eaa', ' ', 'aa'.repeat(50_000), '\u0301\u200d', '🐝', '日本語'];
    const { predictions } = await ask(models[0]!, [...odd, texts[0]!]);
    const before = await ask(models[0]!, [texts[0]!]);
    expect(predictions.map((one) => 'error' in one)).toEqual(odd.map(() => false).concat(false));
    expect(good(predictions.at(-1)).top).toEqual(good(before.predictions[0]).top);
  });

  it('on which the tokenizer hangs are refused one by one, and others are answered', async () => {
    const hanging: ServedModel = { ...models[0]!, id: 'mdl_hangs', base: { id: 'base_hangs', digest: hangs } };
    const { predictions } = await ask(hanging, ['aa bb', CATASTROPHIC, 'cc']);
    expect(predictions.map((one) => 'error' in one)).toEqual([false, true, false]);
    expect(predictions[1]).toMatchObject({
      error: { code: 'input-invalid', errors: [{ path: '/inputs/1', code: 'text-endless' }] },
    });
    expect(good((await ask(hanging, ['aa bb'])).predictions[0]).top).toEqual(good(predictions[0]).top);
  });
});
