import { createHash } from 'node:crypto';
import { createReadStream, readdirSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_PROJECT_ID, repositories } from '../../../src/db/index.js';
import type { Repositories } from '../../../src/domain/ports.js';
import type { Base } from '../../../src/domain/types.js';
import { newId } from '../../../src/ids.js';
import { createLogger } from '../../../src/log.js';
import type { BlobStore } from '../../../src/storage/blob.js';
import { postgresBlobStore } from '../../../src/storage/postgres.js';
import { baseCheck } from '../../../workers/processors/base-check.js';
import { sharedData } from '../../support/data.js';
import { externally } from '../../support/external-data.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { fileOf, smallBase } from '../../support/predict.js';
import { writeZip } from '../../support/zip.js';

let folder: string;
let db: TestDatabase;
let repos: Repositories;
let store: BlobStore;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graft-base-'));
  db = await testDatabase();
  repos = repositories(db);
  store = postgresBlobStore(db.pool);
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true, force: true });
});

async function checked(path: string): Promise<Base> {
  const id = newId('base');
  await repos.bases.create({ id, projectId: DEFAULT_PROJECT_ID, name: id, uploadKey: `uploads/${id}` });
  await repos.bases.uploaded(id, await store.put(`uploads/${id}`, createReadStream(path)));
  const deps = {
    repositories: repos,
    artifacts: store,
    config: { home: folder, threads: 2 },
    log: createLogger({ logLevel: 'silent' }, 'test'),
  };
  await baseCheck(deps)({ baseId: id }, new AbortController().signal);
  expect(await store.stat(`uploads/${id}`)).toBeNull();
  expect(await readdir(join(folder, 'tmp'))).toEqual([]);
  return (await repos.bases.byId(id))!;
}

const REASONS: Readonly<Record<string, RegExp>> = {
  customvision: /opset 1;/,
  'html-page': /web page/,
  'lfs-pointer': /Git LFS pointer/,
  'mnist-cntk-opset1-no-ort-kernel': /opset 1;/,
  smollm3: /lie in other files \('model.*_data'.*\) that were not uploaded\. Upload a zip/,
  'squeezenet-custom-op': /Debug is no standard ONNX operator/,
  'truncated-minilm-2.7MB-of-23MB': /ends early/,
  'winml-mnist-imagescaler-zipmap': /ImageScaler is no standard ONNX operator/,
};
const broken = sharedData('broken-models');
test.runIf(broken !== null).each(broken === null ? ['none'] : readdirSync(broken))(
  '%s is refused with a reason',
  async (name) => {
    const base = await checked(join(broken!, name));
    expect(base).toMatchObject({ state: 'invalid', blobKey: null, error: { code: 'base-invalid' } });
    expect(base.error!.detail).toMatch(
      REASONS[name.replace(/(-2)?-named.*$|-(2018|graph|quantized|Debug).*$/, '').replace(/\.onnx$/, '')] ??
        /no reason is known/,
    );
  },
);

const models = sharedData('models');
test.runIf(models !== null)('MobileNetV2: facts as the contract shows them, kept by its digest', async () => {
  const path = join(models!, 'mobilenetv2-1.0-imagenet-backbone.onnx');
  const base = await checked(path);
  expect(base).toMatchObject({ state: 'ready', error: null });
  expect(base.facts?.inputs).toEqual([{ name: 'input', type: 'float32', shape: ['N', 3, 224, 224] }]);
  expect(base.facts?.cuts.find((cut) => cut.default)).toEqual({
    tensor: 'features',
    kind: 'pooled',
    features: 1280,
    default: true,
  });
  expect(base.facts?.preprocessing).toMatchObject({
    resize: 256,
    crop: 224,
    channels: 'RGB',
    mean: [0.485, 0.456, 0.406],
  });
  expect(Buffer.from(await store.read(base.blobKey!)).equals(await readFile(path))).toBe(true);
});

test.runIf(models !== null)('a zipped hub folder: the model in it, with its preprocessing', async () => {
  const config = {
    size: { shortest_edge: 240 },
    crop_size: { height: 224, width: 224 },
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
  };
  const zip = join(folder, 'hub.zip');
  await writeZip(zip, {
    'net/onnx/model.onnx': await readFile(join(models!, 'squeezenet1.1-imagenet-fp32.onnx')),
    'net/onnx/model_quantized.onnx': 'not looked at',
    'net/preprocessor_config.json': JSON.stringify(config),
  });
  const base = await checked(zip);
  expect(base.state).toBe('ready');
  expect(base.facts?.cuts.find((cut) => cut.default)).toMatchObject({ features: 512 });
});

test('a zip without a model says what is expected', async () => {
  const zip = join(folder, 'empty-hub.zip');
  await writeZip(zip, { 'readme.md': 'hello' });
  expect((await checked(zip)).error?.detail).toMatch(/no \.onnx file.*onnx\/model\.onnx/);
});

test('weights beside the model in a zip: stored as the one file that they make', async () => {
  const { data } = externally(smallBase(5, 60_000));
  const { model } = externally(smallBase(5, 60_000), { checksum: createHash('sha1').update(data).digest('hex') });
  const path = join(folder, 'external.zip');
  await writeZip(path, { 'net/onnx/model.onnx': model, 'net/onnx/model.onnx_data': data, 'net/model.onnx_data': 'x' });
  const base = await checked(path);
  expect(base).toMatchObject({ state: 'ready', error: null });
  const whole = Buffer.from(fileOf(smallBase(5, 60_000)));
  expect(whole.equals(await store.read(base.blobKey!))).toBe(true);
  expect(base).toMatchObject({
    bytes: whole.length,
    digest: `sha256:${createHash('sha256').update(whole).digest('hex')}`,
  });
});

test.each([
  ['are missing', {}, {}, /does not have 'onnx\/model\.onnx_data', where onnx\/model\.onnx keeps weights/],
  ['were cut off', { 'onnx/model.onnx_data': Buffer.alloc(100) }, {}, /'conv\.weight'.*has only 100: it was cut off/],
  [
    'were changed',
    { 'onnx/model.onnx_data': externally(smallBase(5)).data },
    { checksum: '0123456789'.repeat(4) },
    /'model\.onnx_data' has the SHA-1 [\da-f]{40}, but the model says (0123456789){4}/,
  ],
  [
    'lie elsewhere',
    { 'model.onnx_data': '' },
    { location: '../model.onnx_data' },
    /'\.\.\/model\.onnx_data'; only a file/,
  ],
])('weights that %s are refused in words', async (what, files, changes, words) => {
  const path = join(folder, `${what.replaceAll(' ', '-')}.zip`);
  await writeZip(path, { 'onnx/model.onnx': externally(smallBase(5), changes).model, ...files });
  const base = await checked(path);
  expect(base).toMatchObject({ state: 'invalid', blobKey: null, error: { code: 'base-invalid' } });
  expect(base.error?.detail).toMatch(words);
});

const minilm = sharedData('models/minilm-l6-v2');
const hubFolder = async (without: readonly string[] = [], files: Readonly<Record<string, string>> = {}) => {
  const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'vocab.txt', 'onnx/model.onnx'];
  const zip = join(folder, `${newId('req')}.zip`);
  const kept = names.filter((name) => !without.includes(name));
  const own = await Promise.all(kept.map(async (name) => [name, await readFile(join(minilm!, name))] as const));
  await writeZip(zip, { ...Object.fromEntries(own), ...files });
  return checked(zip);
};
test.runIf(minilm !== null)('an encoder of texts: inputs by role, limits, and its tokenizer beside it', async () => {
  const base = await hubFolder([], { '1_Pooling/config.json': '{"pooling_mode_mean_tokens": true}' });
  expect(base).toMatchObject({ state: 'ready', error: null });
  expect(base.facts?.tasks).toEqual(['text-classification']);
  expect(base.facts?.text).toEqual({
    inputs: { ids: 'input_ids', mask: 'attention_mask', types: 'token_type_ids' },
    maxLength: 512,
    padId: 0,
    vocabulary: 30522,
    pooling: 'mean',
  });
  const kept = JSON.parse(Buffer.from(await store.read(`tokenizers/${base.digest}`)).toString());
  expect(Object.keys(kept).sort()).toEqual(['config.json', 'tokenizer.json', 'tokenizer_config.json', 'vocab.txt']);
  const bare = await hubFolder(['tokenizer.json', 'vocab.txt']);
  expect(bare.facts?.tasks).toEqual([]);
  expect(bare.facts?.notes.join()).toContain('came without a tokenizer');
  const other = await hubFolder(['tokenizer.json']);
  expect(other.error?.detail).toContain('here already, with another tokenizer');
});
test.runIf(minilm !== null).each([
  [
    'larger than the embedding',
    { 'tokenizer.json': '', 'vocab.txt': bigVocabulary() },
    "the model's embedding has 30522 rows",
  ],
  ['no JSON', { 'tokenizer.json': '{' }, 'tokenizer.json is no JSON'],
])('a tokenizer that is %s is refused', async (_, files, words) => {
  const given = Object.fromEntries(Object.entries(files).filter(([, content]) => content !== ''));
  const base = await hubFolder(['tokenizer.json', 'vocab.txt'], given);
  expect(base).toMatchObject({ state: 'invalid', error: { code: 'base-invalid' } });
  expect(base.error?.detail).toContain(words);
});

function bigVocabulary(): string {
  return ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'a', ...Array.from({ length: 30_600 }, (_, i) => `w${i}`)].join('\n');
}
