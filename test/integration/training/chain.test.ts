import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from '../../../scripts/build.mjs';
import { DEFAULT_PROJECT_ID } from '../../../src/db/index.js';
import { unneededBases } from '../../../src/db/upload-keys.js';
import type { Base, Method, Model } from '../../../src/domain/types.js';
import { newId } from '../../../src/ids.js';
import { createLogger } from '../../../src/log.js';
import { decodeModel } from '../../../src/onnx/index.js';
import { derivedKey, readBase, wholeKey } from '../../../src/services/base-file.js';
import { createBaseFrom } from '../../../src/services/bases.js';
import { modelExporter } from '../../../src/services/model-export.js';
import { changedKey } from '../../../src/services/model-files.js';
import { sweepBases } from '../../../src/services/sweep-uploads.js';
import { baseCheck } from '../../../workers/processors/base-check.js';
import { picture } from '../../support/pictures.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { FEATURES, fileOf, PREPROCESSING, type PredictHome, predictHome, smallBase } from '../../support/predict.js';
import { otherProject } from '../../support/records.js';
import { type TrainingGround, trainingGround } from '../../support/training.js';

/** Two matrices of 120 kB each, of which a fine-tuning of the last layer changes one. */
const BALLAST = 60_000;
const MATRIX_BYTES = 4 * (BALLAST / 2);
const projectId = DEFAULT_PROJECT_ID;
const colourOf = (i: number): [number, number, number] => (i % 2 === 0 ? [180, 170, 160] : [20, 30, 60]);
const pictureOf = (i: number) => picture(i, { format: 'png', colour: colourOf(i) });

let db: TestDatabase;
let ground: TrainingGround;
let home: PredictHome;
let exporter: ReturnType<typeof modelExporter>;
const chain: { model: Model; base: Base }[] = [];

async function trained(base: { id: string; digest: string }, method: Method, name: string | null = 'first') {
  const { id } = await ground.job({ name, base, method, hyperparameters: { epochs: 3, learningRate: 0.01 } });
  await ground.train(id);
  const job = (await ground.repos.jobs.byId(id))!;
  expect(job.error).toBeNull();
  return (await ground.repos.models.find(projectId, job.modelId!))!;
}
const make = (model: string, name?: string, project = projectId) =>
  createBaseFrom({ repositories: ground.repos, enqueue: async () => {} }, project, {
    model,
    ...(name === undefined ? {} : { name }),
  });
async function baseOf(model: Model, name: string): Promise<Base> {
  const { id } = await make(model.id, name);
  const log = createLogger({ logLevel: 'silent' }, 'test');
  const { repos, stores, home: folder } = ground;
  const check = { repositories: repos, artifacts: stores.artifacts, config: { home: folder, threads: 2 }, log };
  await baseCheck(check)({ baseId: id }, new AbortController().signal);
  return (await repos.bases.byId(id))!;
}
async function storedBytes(): Promise<number> {
  let sum = 0;
  for await (const { bytes } of ground.stores.artifacts.list('')) sum += bytes;
  return sum;
}

beforeAll(async () => {
  await build();
  db = await testDatabase();
  const pictures = Array.from({ length: 40 }, async (_, i) => ({
    path: `${i}.png`,
    label: i % 2 === 0 ? 'bright' : 'dark',
    split: null,
    bytes: await pictureOf(i),
  }));
  ground = await trainingGround(db, {
    pictures: await Promise.all(pictures),
    base: fileOf(smallBase(1, BALLAST)),
    cut: { tensor: 'features', features: FEATURES },
    preprocessing: PREPROCESSING,
  });
  home = await predictHome(db.url);
  await home.start();
  exporter = modelExporter({ repositories: ground.repos, artifacts: ground.stores.artifacts });
  const { base: id, digest } = ground.ids;
  const first = await trained({ id, digest }, { type: 'fineTuning', layers: 1 });
  const own = await baseOf(first, 'own');
  const second = await trained({ id: own.id, digest: own.digest! }, { type: 'featureExtraction' }, null);
  const owner = await baseOf(second, 'owner');
  const third = await trained({ id: owner.id, digest: owner.digest! }, { type: 'fineTuning', layers: 1 });
  chain.push({ model: first, base: own }, { model: second, base: owner }, { model: third, base: owner });
});
afterAll(async () => {
  await home?.close();
  await ground?.close();
  await db?.close();
});

describe('a base made from a model', () => {
  it('is its exported graph, cut below its own classifier, with preprocessing and licence', async () => {
    const { model, base } = chain[0]!;
    expect(base).toMatchObject({
      state: 'ready',
      error: null,
      digest: model.certificate.exportDigest,
      modelId: model.id,
    });
    expect(base.bytes).toBe(model.files[0]!.bytes);
    expect(base.facts).toMatchObject({ preprocessing: PREPROCESSING, license: 'Apache-2.0' });
    const best = base.facts!.cuts.find((cut) => cut.default)!;
    expect(best).toMatchObject({ features: FEATURES });
    expect(base.facts!.cuts.map((cut) => cut.kind)).toContain('logits');
    const file = await readBase(ground.stores.artifacts, base.digest!);
    expect(Buffer.compare(file, Buffer.concat(await exporter(model)))).toBe(0);
  });

  it('takes less than a kilobyte, and a model on it only what its training changed', async () => {
    const { artifacts } = ground.stores;
    for (const { base } of chain) {
      expect(await artifacts.stat(wholeKey(base.digest!))).toBeNull();
      expect((await artifacts.stat(derivedKey(base.digest!)))!.bytes).toBeLessThan(1000);
      expect(base.bytes).toBeGreaterThan(2 * MATRIX_BYTES);
    }
    const changed = await Promise.all(
      chain.map(async ({ model }) =>
        changedKey(model) === null ? 0 : (await artifacts.stat(changedKey(model)!))!.bytes,
      ),
    );
    expect(changed[1]).toBe(0);
    for (const bytes of [changed[0]!, changed[2]!]) expect(bytes - MATRIX_BYTES).toBeLessThan(1000);
    // Three models and two bases, each a whole file of two matrices when downloaded.
    expect(await storedBytes()).toBeLessThan(2 * MATRIX_BYTES + 2 * MATRIX_BYTES + 60_000);
  });

  it('is trained on, served and exported with the same predictions', async () => {
    for (const { model } of chain) {
      expect(model.certificate.maxDifference).toBeLessThanOrEqual(1e-4);
      const { data } = await ground.repos.models.evaluationExamples(model.id, {}, { limit: 4 });
      for (const example of data) {
        const inputs = [{ kind: 'image' as const, bytes: await pictureOf(Number.parseInt(example.path, 10)) }];
        const request = {
          model: { ...model, preprocessing: model.preprocessing!, changedKey: changedKey(model) },
          inputs,
          top: 2,
        };
        const { predictions } = await home.client.predict(request, new AbortController().signal);
        expect(predictions[0]).toMatchObject({ label: example.predicted });
        expect((predictions[0] as { probability: number }).probability).toBeCloseTo(example.probability, 4);
      }
    }
    const nameless = decodeModel(Buffer.concat(await exporter(chain[1]!.model))).metadata;
    expect([nameless.get('graft.model'), nameless.get('name')]).toEqual([chain[1]!.model.id, undefined]);
    const { graph } = decodeModel(Buffer.concat(await exporter(chain[2]!.model)));
    expect(graph.outputs.map((v) => v.name)).toEqual(['probabilities', 'logits']);
    // Of the heads below none is left.
    expect(graph.nodes.filter((node) => node.opType === 'Gemm')).toHaveLength(1);
  });

  it('can be cut at its own logits, and trained on there', async () => {
    const { base } = chain[0]!;
    const { tensor: cut } = base.facts!.cuts.find(({ kind }) => kind === 'logits')!;
    for (const method of [
      { type: 'featureExtraction', cut },
      { type: 'fineTuning', layers: 1, cut },
    ] as const) {
      const model = await trained({ id: base.id, digest: base.digest! }, method);
      expect(model.certificate.maxDifference).toBeLessThanOrEqual(1e-4);
      await ground.repos.models.delete(projectId, model.id);
    }
  });

  it('knows how it came about, and so does its model', async () => {
    const [first, second, third] = chain.map(({ model }) => model);
    const lineages = await ground.repos.models.lineages([third!.id, first!.id]);
    const told = lineages.get(third!.id)!;
    expect(told.map((link) => [link.model.id, link.job, link.method.type, link.base.id])).toEqual([
      [third!.id, third!.jobId, 'fineTuning', chain[1]!.base.id],
      [second!.id, second!.jobId, 'featureExtraction', chain[0]!.base.id],
      [first!.id, first!.jobId, 'fineTuning', ground.ids.base],
    ]);
    expect(told[2]!.dataset).toMatchObject({ id: ground.ids.dataset, revision: 1, name: 'pictures' });
    expect(told[2]!.dataset.digest).toMatch(/^sha256:/);
    expect(lineages.get(first!.id)).toEqual(told.slice(2));
    const card = await ground.stores.artifacts.read(`models/${third!.id}/files/README.md`);
    expect(Buffer.from(card).toString()).toContain(second!.id);
  });

  it('is not had where its parts in the store are damaged or gone', async () => {
    const { artifacts } = ground.stores;
    const { model, base } = chain[0]!;
    const changed = Buffer.from(await artifacts.read(changedKey(model)!));
    changed[changed.length >> 1]! ^= 1;
    const read = async (key: string) => (key === changedKey(model) ? changed : artifacts.read(key));
    await expect(readBase({ ...artifacts, read }, base.digest!)).rejects.toMatchObject({ code: 'digest-mismatch' });
    const gone = async (key: string) => artifacts.read(key === model.headKey ? 'models/none' : key);
    await expect(readBase({ ...artifacts, read: gone }, base.digest!)).rejects.toMatchObject({ code: 'not-found' });
    await expect(readBase(artifacts, `sha256:${'0'.repeat(64)}`)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('is refused by a name that is taken or none, in another project, and without a model', async () => {
    const model = chain[0]!.model.id;
    await expect(make(model, 'own')).rejects.toMatchObject({ code: 'name-taken' });
    await expect(make(model, 'a/b')).rejects.toMatchObject({ code: 'request-invalid' });
    await expect(make(newId('mdl'))).rejects.toMatchObject({ code: 'not-found' });
    await expect(make(model, 'theirs', await otherProject(db))).rejects.toMatchObject({ code: 'not-found' });
  });

  it('keeps what it stands on from being deleted, and is let go from the top', async () => {
    const { repos, stores } = ground;
    const sweep = () => sweepBases(stores.artifacts, (digests) => unneededBases(db.pool, digests));
    const [first, second, third] = chain as [(typeof chain)[0], (typeof chain)[0], (typeof chain)[0]];
    await repos.models.setAlias(projectId, 'production', first.model.id);
    const refused = (kind: string, id: string) => ({
      code: 'in-use',
      options: { errors: [{ path: `/v1/${kind}/${id}` }] },
    });
    await expect(repos.models.delete(projectId, first.model.id)).rejects.toMatchObject(refused('bases', first.base.id));
    await expect(repos.bases.delete(projectId, first.base.id)).rejects.toMatchObject(
      refused('models', second.model.id),
    );
    expect(await repos.models.find(projectId, 'production')).not.toBeNull();
    expect(await sweep()).toBe(0);
    expect(await repos.models.delete(projectId, third.model.id)).toBe(true);
    expect(await repos.bases.delete(projectId, second.base.id)).toBe(true);
    expect(await sweep()).toBe(1);
    expect(await stores.artifacts.stat(derivedKey(second.base.digest!))).toBeNull();
    expect(await repos.models.delete(projectId, second.model.id)).toBe(true);
    expect(await repos.bases.delete(projectId, first.base.id)).toBe(true);
    expect(await repos.models.delete(projectId, first.model.id)).toBe(true);
    expect(await repos.models.find(projectId, 'production')).toBeNull();
    await expect(make(first.model.id)).rejects.toMatchObject({ code: 'not-found' });
  });
});
