import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from '../../../scripts/build.mjs';
import type { Model } from '../../../src/domain/types.js';
import { decodeModel } from '../../../src/onnx/index.js';
import { modelExporter } from '../../../src/services/model-export.js';
import { recipeKey } from '../../../src/services/model-files.js';
import { composeExport } from '../../../src/tasks/export.js';
import { cardAnswer } from '../../support/model-card.js';
import { picture } from '../../support/pictures.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { FEATURES, fileOf, PREPROCESSING, smallBase } from '../../support/predict.js';
import { type TrainingGround, trainingGround } from '../../support/training.js';

let db: TestDatabase;
let ground: TrainingGround;
let model: Model;

beforeAll(async () => {
  await build();
  db = await testDatabase();
  const pictures = Array.from({ length: 60 }, async (_, i) => ({
    path: `${i}.png`,
    label: i % 2 === 0 ? 'bright | <b>' : 'dark',
    split: null,
    bytes: await picture(i, { format: 'png', colour: i % 2 === 0 ? [180, 170, 160] : [20, 30, 60] }),
  }));
  ground = await trainingGround(db, {
    pictures: await Promise.all(pictures),
    base: fileOf(smallBase(1)),
    cut: { tensor: 'features', features: FEATURES },
    preprocessing: PREPROCESSING,
  });
  const { id, projectId } = await ground.job();
  await ground.train(id);
  const job = (await ground.repos.jobs.byId(id))!;
  expect(job.error).toBeNull();
  model = (await ground.repos.models.find(projectId, job.modelId!))!;
});
afterAll(async () => {
  await ground.close();
  await db.close();
});

/** As a later version of Graft may compose: another file. */
const another: typeof composeExport = (base, head, o, changed) =>
  composeExport(base, head, { ...o, metadata: { ...o.metadata, 'graft.version': '9' } }, changed);
const exported = async (compose = composeExport, artifacts = ground.stores.artifacts): Promise<Buffer> =>
  Buffer.concat(await modelExporter({ repositories: ground.repos, artifacts, compose })(model));
const stored = (name: string) => ground.stores.artifacts.read(`models/${model.id}/files/${name}`);
describe('a published model', () => {
  it('is put together to the very file that was certified', async () => {
    const file = await exported();
    const digest = `sha256:${createHash('sha256').update(file).digest('hex')}`;
    expect(model.files[0]).toMatchObject({ name: 'model.onnx', bytes: file.length, digest });
    expect(model.certificate).toMatchObject({ exportDigest: digest, tolerance: 1e-4 });
    expect(model.certificate.inputs.length).toBe(4);
  });

  it('stays that file when a later version composes another', async () => {
    expect((await exported(another)).equals(await exported())).toBe(true);
    const recipe = await ground.stores.artifacts.stat(recipeKey(model.id));
    expect(recipe!.bytes).toBeLessThan((await exported()).length - model.files.length);
  });

  it('of the time before recipes is composed anew, and says so where that gives another file', async () => {
    const { artifacts } = ground.stores;
    const without = {
      ...artifacts,
      stat: async (key: string) => (key.endsWith('.recipe') ? null : artifacts.stat(key)),
    };
    expect((await exported(composeExport, without)).equals(await exported())).toBe(true);
    await expect(exported(another, without)).rejects.toMatchObject({
      code: 'state-conflict',
      detail: expect.stringContaining('train it again'),
    });
    const fails = () => {
      throw new Error('this version cannot');
    };
    await expect(exported(fails, without)).rejects.toMatchObject({ code: 'state-conflict' });
  });

  it('is plain ONNX: probabilities, then logits, labels and preprocessing in its metadata', async () => {
    const { graph, metadata } = decodeModel(await exported());
    expect(graph.inputs.map((v) => [v.name, v.dataType, v.shape])).toEqual([['image', 'float32', ['N', 3, 32, 32]]]);
    expect(graph.outputs.map((v) => v.name)).toEqual(['probabilities', 'logits']);
    expect(graph.nodes.every((node) => node.domain === '')).toBe(true);
    expect(JSON.parse(metadata.get('labels')!)).toEqual(['bright | <b>', 'dark']);
    expect(JSON.parse(metadata.get('preprocessing')!)).toEqual(PREPROCESSING);
  });

  it('comes with labels, preprocessing and a card in which names are no markup', async () => {
    const text = async (name: string) => Buffer.from(await stored(name)).toString();
    expect(JSON.parse(await text('labels.json'))).toEqual(model.labels);
    expect(JSON.parse(await text('preprocessing.json'))).toEqual(model.preprocessing);
    const card = await text('README.md');
    expect(card).toContain(model.certificate.exportDigest);
    expect(card).toContain(model.base.digest);
    expect(card).toContain('bright \\| \\<b\\>');
  });

  it("is used by the card's Python as it stands, with the trainer's answer", async () => {
    const card = Buffer.from(await stored('README.md')).toString();
    const folder = join(ground.home, 'card');
    const file = await exported();
    const shown = await ground.repos.models.evaluationExamples(model.id, {}, { limit: 3 });
    for (const example of shown.data) {
      const bytes = await picture(Number.parseInt(example.path, 10), {
        format: 'png',
        colour: example.actual === 'dark' ? [20, 30, 60] : [180, 170, 160],
      });
      const { label, probability } = await cardAnswer(folder, card, file, bytes);
      expect(label).toBe(example.predicted);
      // Pillow and libvips do not resample alike to the last bit.
      expect(Math.abs(probability - example.probability)).toBeLessThan(0.01);
    }
  });
});
