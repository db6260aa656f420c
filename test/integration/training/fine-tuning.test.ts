import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from '../../../scripts/build.mjs';
import type { Job, Method } from '../../../src/domain/types.js';
import { decodeTensors } from '../../../src/onnx/index.js';
import { modelExporter } from '../../../src/services/model-export.js';
import { changedKey } from '../../../src/services/model-files.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { fileOf, type PredictHome, predictHome } from '../../support/predict.js';
import { PREPROCESSING, pictures, smallNet, WIDTH } from '../../support/small-net.js';
import { progressWatch, runChildren, type TrainingGround, trainingGround } from '../../support/training.js';

let db: TestDatabase;
let ground: TrainingGround;
let home: PredictHome;
let undisturbed: Job;
const watch = progressWatch();

const ALL: Method = { type: 'fineTuning', layers: 'all' };
const SETTINGS = {
  epochs: 12,
  batchSize: 16,
  learningRate: 0.003,
  seed: 3,
  augmentation: 'light',
  patience: 100,
} as const;
const job = (method: Method, hyperparameters: Record<string, unknown> = {}) =>
  ground.job({ method, hyperparameters: { ...SETTINGS, ...hyperparameters } });
const read = async (id: string) => (await ground.repos.jobs.byId(id))!;
async function trained(method: Method, hyperparameters: Record<string, unknown> = {}): Promise<Job> {
  const { id } = await job(method, hyperparameters);
  await ground.train(id);
  return read(id);
}
async function modelOf(done: Job) {
  expect(done.error).toBeNull();
  expect(done.state).toBe('succeeded');
  return (await ground.repos.models.find(done.projectId, done.modelId!))!;
}
const changedOf = async (done: Job) => ground.stores.artifacts.read(changedKey(await modelOf(done))!);
const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

beforeAll(async () => {
  await build();
  db = await testDatabase();
  ground = await trainingGround(db, {
    pictures: await pictures(),
    base: fileOf(smallNet()),
    cut: { tensor: 'features', features: WIDTH },
    preprocessing: PREPROCESSING,
    config: { workerSilentMs: 2000, checkpointMs: 0 },
    wrap: watch.wrap,
  });
  home = await predictHome(db.url);
  await home.start();
  undisturbed = await trained(ALL);
});
afterAll(async () => {
  await home?.close();
  await ground?.close();
  await db?.close();
});

describe('fine-tuning', () => {
  it('of all layers changes them all, running statistics too, and its file says what the trainer said', async () => {
    const model = await modelOf(undisturbed);
    expect(undisturbed.hyperparameters).toMatchObject({ optimizer: 'adamw', batchNorm: 'live', augmentation: 'light' });
    const changed = decodeTensors(await changedOf(undisturbed));
    const layer = (i: number) => [`conv${i}`, `scale${i}`, `bias${i}`, `mean${i}`, `variance${i}`];
    expect([...changed.keys()].sort()).toEqual([0, 1, 2].flatMap(layer).sort());
    expect(model.certificate.maxDifference).toBeLessThanOrEqual(1e-4);
    const chunks = await modelExporter({ repositories: ground.repos, artifacts: ground.stores.artifacts })(model);
    expect(`sha256:${sha(Buffer.concat(chunks))}`).toBe(model.certificate.exportDigest);
    const losses = await ground.repos.jobs.metrics(undisturbed.id, undefined, 0n, 1000);
    const train = losses.filter((p) => p.name === 'train/loss').map((p) => p.value);
    expect(train.at(-1)!).toBeLessThan(train[0]!);
  });

  it('is served as it was measured', async () => {
    const model = await modelOf(undisturbed);
    const { data } = await ground.repos.models.evaluationExamples(model.id, {}, { limit: 5 });
    const all = await pictures();
    for (const example of data) {
      const { bytes } = all.find((p) => p.path === example.path)!;
      const answer = await home.client.predict(
        {
          model: { ...model, preprocessing: model.preprocessing!, changedKey: changedKey(model) },
          inputs: [{ kind: 'image', bytes }],
          top: 3,
        },
        new AbortController().signal,
      );
      const [got] = answer.predictions;
      if (got === undefined || 'error' in got) throw new Error(JSON.stringify(got));
      expect(got.label).toBe(example.predicted);
      expect(got.probability).toBeCloseTo(example.probability, 4);
    }
  });

  it('of the last layer leaves the others alone', async () => {
    const done = await trained({ type: 'fineTuning', layers: 1 }, { augmentation: 'auto' });
    const changed = decodeTensors(await changedOf(done));
    expect([...changed.keys()].sort()).toEqual(['bias2', 'conv2', 'mean2', 'scale2', 'variance2']);
    // What lies below ran once for each picture.
    expect(done.hyperparameters.augmentation).toBe('none');
  });

  it('killed at any step goes on from its checkpoint and ends with the same bits', async () => {
    const { id } = await job(ALL);
    const run = (async () => {
      for (const at of [7, 19]) {
        await watch.steps(at);
        for (const pid of runChildren()) process.kill(pid, 'SIGKILL');
      }
    })();
    await ground.train(id);
    await run;
    const done = await read(id);
    expect(done.attempt).toBeGreaterThanOrEqual(2);
    expect(sha(await changedOf(done))).toBe(sha(await changedOf(undisturbed)));
    expect(done.metrics).toEqual(undisturbed.metrics);
    expect(existsSync(join(ground.home, 'checkpoints', id))).toBe(false);
  });

  it('paused and resumed, its newest checkpoint damaged, ends with the same bits too', async () => {
    const { id, projectId } = await job(ALL);
    const reached = watch.steps(9);
    const training = ground.train(id);
    await reached;
    await ground.repos.jobs.request(projectId, id, 'pause');
    await training;
    expect((await read(id)).state).toBe('paused');
    const folder = join(ground.home, 'checkpoints', id);
    const newest = (await readdir(folder)).sort().at(-1)!;
    const bytes = await readFile(join(folder, newest));
    bytes[bytes.length - 100]! ^= 1;
    await writeFile(join(folder, newest), bytes);
    await ground.repos.jobs.request(projectId, id, 'resume');
    await ground.train(id);
    const done = await read(id);
    expect(sha(await changedOf(done))).toBe(sha(await changedOf(undisturbed)));
    const told = (await ground.repos.jobs.events(id, 0n, 1000)).map((e) => e.message);
    expect(told.filter((m) => m.includes(newest) && m.includes('digest'))).toHaveLength(1);
  });

  it('stopped ends with the best so far', async () => {
    const { id, projectId } = await job(ALL, { epochs: 2000 });
    const reached = watch.steps(6);
    const training = ground.train(id);
    await reached;
    await ground.repos.jobs.request(projectId, id, 'stop');
    await training;
    await modelOf(await read(id));
  });

  it('from scratch begins with other weights than the base has', async () => {
    const done = await trained({ type: 'scratch' }, { epochs: 3 });
    const changed = decodeTensors(await changedOf(done));
    expect(changed.size).toBe(15);
    const points = await ground.repos.jobs.metrics(done.id, undefined, 0n, 1000);
    expect(points.find((p) => p.name === 'validation/accuracy' && p.step === 0)!.value).toBeLessThan(0.7);
  });

  it('says how many layers there are when more are asked for', async () => {
    const done = await trained({ type: 'fineTuning', layers: 9 });
    expect(done.state).toBe('failed');
    expect(done.error).toMatchObject({ code: 'job-impossible' });
    expect(done.error!.detail).toContain('3 layers with parameters');
  });

  it('that diverges says at which step, learning rate and tensor', async () => {
    const done = await trained(ALL, { learningRate: 1e30, gradientClip: 0, optimizer: 'sgd', warmup: 0 });
    expect(done.state).toBe('failed');
    expect(done.error!.detail).toMatch(
      /at step \d+ with learning rate [\d.]+e\+\d+ the (loss|gradient's norm) is \S+ and the first tensor .* is '\S+'\./,
    );
    expect(done.error!.detail).toMatch(
      /The best so far is kept \(the head alone, before the first epoch, .*retry the job/,
    );
    // A retry with a smaller rate goes on from what was the best.
    const again = await ground.job({
      method: ALL,
      hyperparameters: { ...done.hyperparameters, learningRate: 0.003, gradientClip: 1, epochs: 3 },
      retryOf: done.id,
    });
    await ground.train(again.id);
    await modelOf(await read(again.id));
    const told = (await ground.repos.jobs.events(again.id, 0n, 1000)).map((e) => e.message);
    expect(told.filter((m) => m.includes('checkpoint'))).toEqual([]);
    const points = await ground.repos.jobs.metrics(again.id, 'validation/accuracy', 0n, 1000);
    expect(points.map((p) => p.step)).toEqual([1, 2, 3]);
  });

  it('that failed is tried again from its last checkpoint', async () => {
    const { id, projectId } = await job(ALL);
    const reached = watch.steps(8);
    const training = ground.train(id);
    await reached;
    await ground.repos.jobs.request(projectId, id, 'pause');
    await training;
    const again = await ground.job({ method: ALL, hyperparameters: SETTINGS, retryOf: id });
    const seen: number[] = [];
    watch.listen((phase, done) => {
      if (phase === 'training') seen.push(done);
    });
    await ground.train(again.id);
    const done = await read(again.id);
    expect(sha(await changedOf(done))).toBe(sha(await changedOf(undisturbed)));
    expect(seen[0]!).toBeGreaterThanOrEqual(8);
  });
});
