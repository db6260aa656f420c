import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from '../../../scripts/build.mjs';
import { graft, type Model } from '../../../src/onnx/index.js';
import type { PredictAnswer, ServedModel } from '../../../src/services/predict-protocol.js';
import { postgresBlobStore } from '../../../src/storage/postgres.js';
import { pixelTrunk } from '../../../src/tasks/image-classification/compose.js';
import { decodeImage } from '../../../workers/data/decode.js';
import { dataPath } from '../../support/onnx.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import {
  fileOf,
  PREPROCESSING,
  type PredictHome,
  predictHome,
  smallBase,
  smallHead,
  storeModels,
} from '../../support/predict.js';
import { until } from '../../support/until.js';

const LABELS = ['ants', 'bees', 'moths'];
const IMAGES = dataPath('images');
let db: TestDatabase;
let home: PredictHome;
const base = smallBase(1);
const heads = Array.from({ length: 12 }, (_, i) => ({ id: `mdl_${i}`, head: smallHead(i, 3), labels: LABELS }));
let models: readonly ServedModel[];
let photos: readonly Uint8Array[];

/** Noise, so that every picture is classified differently. */
function picture(seed: number): Promise<Buffer> {
  const pixels = Buffer.from(Array.from({ length: 60 * 48 * 3 }, (_, i) => (i * (seed * 2 + 3) * 31 + (i >> 4)) & 255));
  return sharp(pixels, { raw: { width: 60, height: 48, channels: 3 } })
    .blur(1)
    .jpeg()
    .toBuffer();
}
async function directly(base: Model, head: Model, bytes: Uint8Array): Promise<Float32Array> {
  const trunk = pixelTrunk(base, 'features', PREPROCESSING);
  const whole = graft(trunk, head, { from: trunk.graph.outputs[0]?.name ?? '', to: 'features' });
  const session = await InferenceSession.create(fileOf(whole));
  const input = new Tensor('uint8', await decodeImage(bytes, PREPROCESSING), [1, 32, 32, 3]);
  const { probabilities } = await session.run({ [session.inputNames[0] ?? '']: input }, ['probabilities']);
  return probabilities?.data as Float32Array;
}
const ask = (model: ServedModel | undefined, inputs: readonly Uint8Array[], top = 5): Promise<PredictAnswer> => {
  if (model === undefined) throw new Error('no such model');
  return home.client.predict({ model, inputs: inputs.map((bytes) => ({ kind: 'image' as const, bytes })), top });
};

beforeAll(async () => {
  await build();
  db = await testDatabase();
  home = await predictHome(db.url);
  models = await storeModels(postgresBlobStore(db.pool), base, heads);
  photos = await Promise.all(Array.from({ length: 6 }, (_, i) => picture(i)));
  await home.start();
});
afterAll(async () => {
  await home?.close();
  await db?.close();
});

describe('prediction process', () => {
  it('serves many models from one trunk, in shared batches, with the numbers of the graph run alone', async () => {
    const asked = heads.flatMap(({ head }, m) => photos.map((photo, p) => ({ head, m, photo, p })));
    const answers = await Promise.all(asked.map(({ m, photo }) => ask(models[m], [photo])));
    const stats = await home.client.stats();
    expect([stats.trunks, stats.trunkLoads, stats.heads, stats.headLoads]).toEqual([1, 1, 12, 12]);
    expect(Math.max(...answers.map(({ timing }) => timing.batch))).toBeGreaterThan(1);
    for (const [i, { head, photo }] of asked.entries()) {
      const expected = await directly(base, head, photo);
      const [prediction] = answers[i]?.predictions ?? [];
      if (prediction === undefined || 'error' in prediction) throw new Error(JSON.stringify(prediction));
      expect(prediction.label).toBe(LABELS[expected.indexOf(Math.max(...expected))]);
      expect(prediction.top.map((t) => t.probability)).toEqual(
        [...prediction.top.map((t) => t.probability)].sort((a, b) => b - a),
      );
      for (const { label, probability } of prediction.top)
        expect(probability).toBeCloseTo(expected[LABELS.indexOf(label)] ?? Number.NaN, 5);
    }
  });

  it('answers good inputs beside bad ones, in their order, and cuts at top', async () => {
    const [photo] = photos as [Uint8Array];
    const { predictions } = await ask(models[0], [photo, Buffer.from('no picture'), Buffer.alloc(0), photo], 2);
    expect(predictions.map((p) => ('error' in p ? p.error.code : p.top.length))).toEqual([
      2,
      'input-invalid',
      'input-invalid',
      2,
    ]);
    const [, bad] = predictions;
    expect(bad && 'error' in bad ? bad.error.errors?.[0]?.path : null).toBe('/inputs/1');
    expect(predictions[0]).toEqual(predictions[3]);
  });

  it.skipIf(!existsSync(IMAGES))(`survives every odd picture (data absent: ${!existsSync(IMAGES)})`, async () => {
    const files = readdirSync(IMAGES).filter((name) => !name.endsWith('.csv'));
    const counts = { answered: 0, refused: 0 };
    for (const name of files) {
      const { predictions } = await ask(models[1], [readFileSync(`${IMAGES}/${name}`), photos[0] as Uint8Array]);
      const [odd, good] = predictions;
      expect(good, name).not.toHaveProperty('error');
      if (odd !== undefined && 'error' in odd) {
        expect(odd.error, name).toMatchObject({ code: 'input-invalid', status: 422 });
        counts.refused += 1;
      } else counts.answered += 1;
    }
    expect(counts.answered + counts.refused).toBe(files.length);
    expect(Math.min(counts.answered, counts.refused)).toBeGreaterThan(5);
  });

  it('says which models are broken, and why, and goes on', async () => {
    const [photo] = photos as [Uint8Array];
    const store = postgresBlobStore(db.pool);
    const made = await storeModels(store, base, [
      { id: 'mdl_nan', head: smallHead(3, 3, Number.NaN), labels: LABELS },
      { id: 'mdl_four', head: smallHead(3, 4), labels: LABELS },
      { id: 'mdl_gone', head: smallHead(3, 3), labels: LABELS },
      { id: 'mdl_trunk', head: base, labels: LABELS },
    ]);
    const [nan, four, gone, wrong] = made;
    await store.delete(gone?.headKey ?? '');
    const codeOf = async (model: ServedModel | undefined) => {
      const [prediction] = (await ask(model, [photo])).predictions;
      return prediction !== undefined && 'error' in prediction ? prediction.error.detail : null;
    };
    expect(await codeOf(nan)).toMatch(/not finite/);
    expect(await codeOf(four)).toMatch(/3 labels but gives 4/);
    await expect(ask(gone, [photo])).rejects.toMatchObject({
      code: 'not-found',
      detail: expect.stringContaining('mdl_gone'),
    });
    await expect(ask(wrong, [photo])).rejects.toMatchObject({ code: 'internal' });
    if (models[0] === undefined) throw new Error('no model');
    const elsewhere = { ...models[0], base: { id: 'base_x', digest: 'sha256:none' } };
    await expect(ask(elsewhere, [photo])).rejects.toMatchObject({ code: 'not-found' });
    await expect(ask({ ...models[0], cut: 'nowhere' }, [photo])).rejects.toMatchObject({ code: 'internal' });
    expect((await ask(models[0], [photo])).predictions[0]).toHaveProperty('label');
    await until(async () => expect((await home.client.stats()).inside).toBe(0));
  });
});
