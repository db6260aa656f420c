import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { build } from '../../../scripts/build.mjs';
import { DEFAULT_PROJECT_ID } from '../../../src/db/index.js';
import type { Base, Method, Model as ModelRecord, Preprocessing } from '../../../src/domain/types.js';
import { newId } from '../../../src/ids.js';
import { createLogger } from '../../../src/log.js';
import { decodeModel, type Model } from '../../../src/onnx/index.js';
import { modelExporter } from '../../../src/services/model-export.js';
import { changedKey } from '../../../src/services/model-files.js';
import { decodeImage } from '../../../workers/data/decode.js';
import { baseCheck } from '../../../workers/processors/base-check.js';
import { type BaseForm, baseOf } from '../../support/base-forms.js';
import { cardAnswer } from '../../support/model-card.js';
import { network } from '../../support/networks.js';
import { dataPath } from '../../support/onnx.js';
import { picture } from '../../support/pictures.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { fileOf, PREPROCESSING, type PredictHome, predictHome, smallBase } from '../../support/predict.js';
import { type TrainingGround, trainingGround } from '../../support/training.js';

/**
 * Bases of every form that exporters write go the whole line: checked, trained on, certified, exported and served, and all of
 * these say the same of the same picture.
 */
let db: TestDatabase;
let ground: TrainingGround;
let home: PredictHome;
const pictures = new Map<string, Buffer>();

beforeAll(async () => {
  await build();
  db = await testDatabase();
  for (let i = 0; i < 48; i++) {
    const colour = (
      [
        [190, 120, 60],
        [60, 120, 190],
        [110, 190, 90],
      ] as const
    )[i % 3]!;
    const shade = (i * 7) % 40;
    const bytes = await picture(i, {
      format: 'png',
      colour: [colour[0] - shade, colour[1] - shade, colour[2] - shade],
    });
    pictures.set(`${['warm', 'cold', 'green'][i % 3]}/${i}.png`, bytes);
  }
  ground = await trainingGround(db, {
    pictures: [...pictures].map(([path, bytes]) => ({ path, label: path.split('/')[0]!, split: null, bytes })),
    base: fileOf(smallBase(1)),
    cut: { tensor: 'features', features: 8 },
    preprocessing: PREPROCESSING,
  });
  home = await predictHome(db.url);
  await home.start();
});
afterAll(async () => {
  await home?.close();
  await ground?.close();
  await db?.close();
});

async function checkedBase(file: Uint8Array): Promise<Base> {
  const id = newId('base');
  const { repos, stores } = ground;
  await repos.bases.create({ id, projectId: DEFAULT_PROJECT_ID, name: id, uploadKey: `uploads/${id}` });
  await repos.bases.uploaded(id, await stores.artifacts.put(`uploads/${id}`, Readable.from([file])));
  const log = createLogger({ logLevel: 'silent' }, 'test');
  const deps = { repositories: repos, artifacts: stores.artifacts, config: { home: ground.home, threads: 2 }, log };
  await baseCheck(deps)({ baseId: id }, new AbortController().signal);
  const base = (await repos.bases.byId(id))!;
  expect(base.error).toBeNull();
  return base;
}
async function trained(base: Base, method: Method = { type: 'featureExtraction' }): Promise<ModelRecord> {
  const { id, projectId } = await ground.job({ base: { id: base.id, digest: base.digest! }, method });
  await ground.train(id);
  const job = (await ground.repos.jobs.byId(id))!;
  expect(job.error).toBeNull();
  return (await ground.repos.models.find(projectId, job.modelId!))!;
}

/** What a reader of the model card would write, in plain steps. */
function prepared(pixels: Uint8Array, p: Preprocessing, dataType: string): Float32Array | Uint8Array {
  const channels = pixels.length / (p.crop * p.crop);
  const out = new Float32Array(pixels.length);
  for (let y = 0; y < p.crop; y++)
    for (let x = 0; x < p.crop; x++)
      for (let c = 0; c < channels; c++) {
        const seen = pixels[(y * p.crop + x) * channels + (p.channels === 'BGR' ? 2 - c : c)]!;
        const at = p.layout === 'NCHW' ? (c * p.crop + y) * p.crop + x : (y * p.crop + x) * channels + c;
        out[at] = (seen * p.scale - p.mean[c]!) / p.std[c]!;
      }
  return dataType === 'uint8' ? Uint8Array.from(out) : out;
}
/** Probabilities of the exported file, fed as its own inputs say. */
async function ofTheFile(file: Uint8Array, p: Preprocessing, bytes: Buffer): Promise<readonly number[]> {
  const session = await InferenceSession.create(file);
  const [input] = decodeModel(file).graph.inputs;
  const one = prepared(await decodeImage(bytes, p), p, input!.dataType);
  const dims = input!.shape!.map((d) => (typeof d === 'number' ? d : 1));
  const data =
    one instanceof Uint8Array ? new Uint8Array(one.length * dims[0]!) : new Float32Array(one.length * dims[0]!);
  for (let i = 0; i < dims[0]!; i++) data.set(one, i * one.length);
  const feed = new OrtTensor(input!.dataType as 'float32', data as Float32Array, dims);
  const { probabilities } = await session.run({ [input!.name]: feed });
  await session.release();
  return Array.from(probabilities!.data as Float32Array).slice(0, 3);
}

/** What Python says of a picture, by the exported file in onnxruntime and in PyTorch. */
async function inPython(exported: Buffer, { preprocessing }: ModelRecord, bytes: Buffer): Promise<WayBack> {
  const p = preprocessing!;
  const folder = await mkdtemp(join(ground.home, 'way-back-'));
  await writeFile(join(folder, 'model.onnx'), exported);
  await writeFile(join(folder, 'example.f32'), prepared(await decodeImage(bytes, p), p, 'float32'));
  return JSON.parse(
    execFileSync(ONNX2TORCH!, [SCRIPT, 'model.onnx', 'example.f32'], { cwd: folder, encoding: 'utf8' }),
  ) as WayBack;
}

async function goesTheWholeLine(file: Uint8Array): Promise<{ base: Base; model: ModelRecord; exported: Model }> {
  const base = await checkedBase(file);
  const model = await trained(base);
  expect(model.certificate.maxDifference).toBeLessThanOrEqual(1e-4);
  expect(model.metrics['validation/accuracy']).toBeGreaterThan(0.6);
  const compose = modelExporter({ repositories: ground.repos, artifacts: ground.stores.artifacts });
  const exported = Buffer.concat(await compose(model));
  const shown = (await ground.repos.models.evaluationExamples(model.id, {}, { limit: 5 })).data;
  const served = { ...model, preprocessing: model.preprocessing! };
  const inputs = shown.map(({ path }) => ({ kind: 'image' as const, bytes: pictures.get(path)! }));
  const { predictions } = await home.client.predict({ model: served, inputs, top: 3 });
  for (const [i, { path, probability, predicted }] of shown.entries()) {
    const probabilities = await ofTheFile(exported, served.preprocessing, pictures.get(path)!);
    const label = model.labels.indexOf(predicted);
    expect(Math.abs(probabilities[label]! - probability)).toBeLessThan(1e-4);
    const answer = predictions[i]!;
    if ('error' in answer) throw new Error(JSON.stringify(answer.error));
    expect(answer.label).toBe(predicted);
    expect(Math.abs(answer.probability - probability)).toBeLessThan(1e-4);
  }
  const card = Buffer.from(await ground.stores.artifacts.read(`models/${model.id}/files/README.md`)).toString();
  const { path, predicted, probability } = shown[0]!;
  const said = await cardAnswer(join(ground.home, model.id), card, exported, pictures.get(path)!);
  expect(said.label).toBe(predicted);
  // Pillow and libvips do not resample alike to the last bit.
  expect(Math.abs(said.probability - probability)).toBeLessThan(0.01);
  return { base, model, exported: decodeModel(exported) };
}

const CAFFE = { channels: 'BGR', scale: 1, mean: [104, 117, 123], std: [1, 1, 1] } as const;
const HALF = { channels: 'RGB', scale: 1 / 255, mean: [0.5, 0.4, 0.3], std: [0.25, 0.3, 0.2] } as const;
test.each<readonly [string, BaseForm]>([
  ['in float32 with any number of examples', { says: HALF }],
  ['fixed to one example', { batch: 1, says: HALF }],
  ['fixed to four examples', { batch: 4, says: HALF }],
  ['in float16', { input: 'float16', weights: 'float16', says: HALF }],
  ['in float16, fixed to one example', { batch: 1, input: 'float16', weights: 'float16', says: HALF }],
  ['with weights stored in float16', { weights: 'float16', says: HALF }],
  ['for BGR from 0 to 255', { says: CAFFE }],
  ['for grey pictures', { channels: 1, says: { channels: 'GRAY', scale: 1 / 255, mean: [0.45], std: [0.2] } }],
  ['for channels last', { layout: 'NHWC', says: HALF }],
  ['for BGR, channels last', { layout: 'NHWC', says: CAFFE }],
  ['for bytes, channels last', { layout: 'NHWC', input: 'uint8', says: { scale: 1, mean: [0], std: [1] } }],
])('a base %s', async (_, form) => {
  const { base, exported } = await goesTheWholeLine(baseOf(form));
  const p = base.facts!.preprocessing!;
  expect(p).toMatchObject({ layout: form.layout ?? 'NCHW', channels: form.says?.channels ?? 'RGB' });
  const input = exported.graph.inputs[0]!;
  // Files in half precision are exported in single, which every runtime takes.
  expect(input.dataType).toBe(form.input === 'uint8' ? 'uint8' : 'float32');
  const types = new Set([...exported.graph.initializers.values()].map((t) => t.dataType));
  expect(types.has('float16')).toBe(false);
});

test.each([
  'vit',
  'vit_hub-new',
  'swin',
  'convnext-new',
  'efficientnet_b0-training',
])('%s as PyTorch exported it, its last layers fine-tuned too', async (name) => {
  const { base } = await goesTheWholeLine(fileOf((await network(name)).model));
  const tuned = await trained(base, { type: 'fineTuning', layers: 3 });
  expect(tuned.certificate.maxDifference).toBeLessThanOrEqual(1e-4);
  expect(tuned.metrics['validation/accuracy']).toBeGreaterThan(0.6);
});

const squeezenet = dataPath(join('models', 'squeezenet1.1-imagenet-fp16-opset7.onnx'));
test.runIf(existsSync(squeezenet))('SqueezeNet as published in float16, opset 7, fixed to one example', async () => {
  const { base, exported } = await goesTheWholeLine(await readFile(squeezenet));
  expect(base.facts!.notes.join(' ')).toMatch(/float16.*float32/);
  expect(exported.graph.inputs[0]!.dataType).toBe('float32');
});

/** A Python with torch, onnx2torch and onnxruntime; too large to install for one test. */
const ONNX2TORCH = process.env.GRAFT_TEST_ONNX2TORCH;
const SCRIPT = join(import.meta.dirname, '../../support/way-back.py');
type WayBack = Readonly<Record<'onnxruntime' | 'pytorch', readonly number[]>>;
describe.runIf(ONNX2TORCH)('the way back: the exported file in Python', () => {
  test.each<readonly [string, () => Promise<Uint8Array>]>([
    ['photo-small', () => readFile('bases/photo-small/photo-small.onnx')],
    ['MobileNetV2 by PyTorch', async () => fileOf((await network('mobilenet_v2')).model)],
    ['MobileNetV2 by Keras and tf2onnx', async () => fileOf((await network('keras_mobilenet_v2')).model)],
  ])('%s, its last layers fine-tuned, predicts in onnxruntime and PyTorch as the service does', async (_, file) => {
    const model = await trained(await checkedBase(await file()), { type: 'fineTuning', layers: 3 });
    const exporter = modelExporter({ repositories: ground.repos, artifacts: ground.stores.artifacts });
    const exported = Buffer.concat(await exporter(model));
    const seen = [...pictures.values()].slice(0, 2);
    const inputs = seen.map((bytes) => ({ kind: 'image' as const, bytes }));
    const served = { ...model, preprocessing: model.preprocessing!, changedKey: changedKey(model) };
    const { predictions } = await home.client.predict({ model: served, inputs, top: 3 });
    for (const [i, bytes] of seen.entries()) {
      const answer = predictions[i]!;
      if ('error' in answer) throw new Error(JSON.stringify(answer.error));
      const said = await inPython(exported, model, bytes);
      for (const { label, probability } of answer.top) {
        const at = model.labels.indexOf(label);
        expect(Math.abs(said.onnxruntime[at]! - probability)).toBeLessThan(1e-4);
        expect(Math.abs(said.pytorch[at]! - probability)).toBeLessThan(1e-4);
      }
    }
  });
});
