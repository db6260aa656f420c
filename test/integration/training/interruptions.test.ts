import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from '../../../scripts/build.mjs';
import type { Repositories } from '../../../src/domain/ports.js';
import type { Job } from '../../../src/domain/types.js';
import { graphBuilder, tensor } from '../../../src/onnx/index.js';
import { picture } from '../../support/pictures.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { fileOf } from '../../support/predict.js';
import { type Picture, runChildren, type TrainingGround, trainingGround } from '../../support/training.js';
import { until } from '../../support/until.js';

const CROP = 64;
const PREPROCESSING = {
  resize: CROP,
  crop: CROP,
  layout: 'NCHW',
  channels: 'RGB',
  scale: 1 / 255,
  mean: [0.5],
  std: [0.25],
} as const;
const FEATURES = 32;

/** Convolutions enough that features take a second or two, so that there is a middle to interrupt. */
function slowBase(): Uint8Array {
  const b = graphBuilder({ opset: 17, name: 'slow' });
  let x = b.input('image', 'float32', ['N', 3, CROP, CROP]);
  for (let layer = 0; layer < 12; layer++) {
    const from = layer === 0 ? 3 : FEATURES;
    const weights = Float32Array.from(
      { length: FEATURES * from * 9 },
      (_, i) => Math.sin(i * 12.9898 + layer) * (layer === 0 ? 0.3 : 0.085) + (layer === 0 ? 0 : 0.004),
    );
    const kernel = b.initializer(`conv${layer}`, tensor('', 'float32', [FEATURES, from, 3, 3], weights));
    x = b.op('Relu', [b.op('Conv', [x, kernel], { pads: [1, 1, 1, 1] })]);
  }
  const pooled = b.op('GlobalAveragePool', [x]);
  b.output(b.op('Flatten', [pooled], { axis: 1 }, { outputs: ['features'] }), 'float32', ['N', FEATURES]);
  return fileOf(b.model());
}

async function pictures(): Promise<readonly Picture[]> {
  const all = Array.from({ length: 240 }, async (_, i) => {
    const label = ['red', 'green', 'blue'][i % 3]!;
    const strong = (c: number) => (c === i % 3 ? 130 + ((i * 37) % 60) : 20 + ((i * 53 + c * 31) % 130));
    const bytes = await picture(i, { colour: [strong(0), strong(1), strong(2)], width: 96, height: 80 });
    return { path: `${label}/${i}.jpg`, label, split: null, bytes };
  });
  return Promise.all(all);
}

let db: TestDatabase;
let undisturbed: Job;
const grounds: TrainingGround[] = [];
/** Called with each progress that is about to be written. */
let onProgress: (phase: string, done: number) => void = () => {};
let away = false;

function watched(repos: Repositories): Repositories {
  const guard = <A extends unknown[], R>(work: (...args: A) => Promise<R>) => {
    return async (...args: A): Promise<R> => {
      if (away) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      return work(...args);
    };
  };
  const { update, transition, heartbeat, addMetrics, publish, claim } = repos.jobs;
  const jobs = {
    ...repos.jobs,
    transition: guard(transition),
    heartbeat: guard(heartbeat),
    addMetrics: guard(addMetrics),
    publish: guard(publish),
    claim: guard(claim),
    update: guard<Parameters<typeof update>, boolean>(async (fence, patch, event) => {
      if (patch.progress) onProgress(patch.progress.phase, patch.progress.done);
      return update(fence, patch, event);
    }),
  };
  return { ...repos, jobs };
}

async function ground(config: { jobMaxAttempts?: number } = {}): Promise<TrainingGround> {
  const made = await trainingGround(db, {
    pictures: await pictures(),
    base: slowBase(),
    cut: { tensor: 'features', features: FEATURES },
    preprocessing: PREPROCESSING,
    config: { ...config, workerSilentMs: 2000 },
    wrap: watched,
  });
  grounds.push(made);
  return made;
}

/** Resolves once some, but not all features are there. */
const midway = () =>
  new Promise<void>((resolve) => {
    onProgress = (phase, done) => {
      if (phase === 'features' && done >= 16 && done < 200) resolve();
    };
  });
const read = async (g: TrainingGround, id: string) => (await g.repos.jobs.byId(id))!;
const states = async (g: TrainingGround, id: string) =>
  (await g.repos.jobs.events(id, 0n, 1000)).filter((e) => e.type === 'state').map((e) => e.data.state ?? e.data.model);

beforeAll(async () => {
  await build();
  db = await testDatabase();
  const g = await ground();
  const { id } = await g.job();
  await g.train(id);
  undisturbed = await read(g, id);
});
afterAll(async () => {
  for (const g of grounds) await g.close();
  await db.close();
});

describe('a training job', () => {
  it('left alone succeeds through every state, with a certified model', async () => {
    const g = grounds[0]!;
    expect(undisturbed.error).toBeNull();
    expect(await states(g, undisturbed.id)).toEqual([
      'queued',
      'preparing',
      'running',
      'evaluating',
      'publishing',
      'succeeded',
    ]);
    expect(undisturbed.metrics['validation/accuracy']).toBeGreaterThan(0.8);
    expect(undisturbed.hyperparameters.epochs).toBeTypeOf('number');
    expect(undisturbed.engine).toMatchObject({ executor: 'onnxruntime', device: 'cpu' });
    expect(undisturbed.method).toEqual({ type: 'featureExtraction', cut: 'features' });
    const model = (await g.repos.models.find(undisturbed.projectId, undisturbed.modelId!))!;
    expect(model.certificate.maxDifference).toBeLessThanOrEqual(model.certificate.tolerance);
    expect(model.files.map((f) => f.name)).toEqual(['model.onnx', 'labels.json', 'preprocessing.json', 'README.md']);
    expect(model.certificate.exportDigest).toBe(model.files[0]!.digest);
    const shown = await g.repos.models.evaluationExamples(model.id, {}, { limit: 100 });
    expect(shown.data.length).toBe(48);
  });

  it('goes on after kill -9 of its process, and ends with the same metrics bit for bit', async () => {
    const g = await ground();
    const { id } = await g.job();
    const begun = midway();
    const done = g.train(id);
    await begun;
    for (const pid of runChildren()) process.kill(pid, 'SIGKILL');
    await done;
    const job = await read(g, id);
    expect(job.state).toBe('succeeded');
    expect(job.attempt).toBe(2);
    expect(job.metrics).toEqual(undisturbed.metrics);
    expect(job.hyperparameters).toEqual(undisturbed.hyperparameters);
    const crash = (await g.repos.jobs.events(id, 0n, 1000)).find((e) => e.data.signal === 'SIGKILL');
    expect(crash).toMatchObject({ level: 'warning', data: { state: 'queued' } });
  });

  it('fails with training-crashed after as many attempts as are allowed', async () => {
    const g = await ground({ jobMaxAttempts: 1 });
    const { id } = await g.job();
    const begun = midway();
    const done = g.train(id);
    await begun;
    for (const pid of runChildren()) process.kill(pid, 'SIGKILL');
    await done;
    expect(await read(g, id)).toMatchObject({ state: 'failed', error: { code: 'training-crashed' } });
    expect((await read(g, id)).error!.detail).toMatch(/signal SIGKILL.*did not send.*give the worker more memory/);
  });

  it('is cancelled in the middle, and its process is gone', async () => {
    const g = await ground();
    const { id, projectId } = await g.job();
    const begun = midway();
    const done = g.train(id);
    await begun;
    await g.repos.jobs.request(projectId, id, 'cancel');
    await done;
    expect((await read(g, id)).state).toBe('cancelled');
  });

  it('is paused, resumed and ends with the same metrics', async () => {
    const g = await ground();
    const { id, projectId } = await g.job();
    const begun = midway();
    const done = g.train(id);
    await begun;
    await g.repos.jobs.request(projectId, id, 'pause');
    await done;
    expect((await read(g, id)).state).toBe('paused');
    await g.repos.jobs.request(projectId, id, 'resume');
    await g.train(id);
    expect((await read(g, id)).metrics).toEqual(undisturbed.metrics);
  });

  it('told to stop publishes the best so far', async () => {
    const g = await ground();
    const { id, projectId } = await g.job({ hyperparameters: { epochs: 1_000_000, weightDecay: 0.1 } });
    let asked = false;
    onProgress = (phase, done) => {
      // As late as that it has learnt something, however slow the machine.
      if (phase !== 'head' || done < 20 || asked) return;
      asked = true;
      void g.repos.jobs.request(projectId, id, 'stop');
    };
    await g.train(id);
    const job = await read(g, id);
    expect(job.state).toBe('succeeded');
    expect(job.metrics['validation/accuracy']).toBeGreaterThan(0.5);
    expect(job.hyperparameters.epochs).toBe(1_000_000);
  });

  it('is given back when its worker ends, and the next worker ends it the same', async () => {
    const g = await ground();
    const { id } = await g.job();
    const ending = new AbortController();
    const begun = midway();
    const done = g.train(id, ending.signal);
    await begun;
    ending.abort();
    await done;
    expect((await read(g, id)).state).toBe('queued');
    await g.train(id);
    expect((await read(g, id)).metrics).toEqual(undisturbed.metrics);
  });

  it('survives a Postgres that is away for a while', async () => {
    const g = await ground();
    const { id } = await g.job();
    const begun = midway();
    const done = g.train(id);
    await begun;
    away = true;
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    away = false;
    await done;
    expect(await read(g, id)).toMatchObject({ state: 'succeeded', metrics: undisturbed.metrics });
  });

  it('lets go of a job that another worker holds, and changes nothing of it', async () => {
    const g = await ground();
    const { id } = await g.job();
    const begun = midway();
    const done = g.train(id);
    await begun;
    // As the reconciler does with a silent worker's job, and then another worker's claim.
    await db.pool.query(`UPDATE job SET state = 'queued' WHERE id = $1`, [id]);
    const other = await g.repos.jobs.claim(id, 'other-worker');
    await done;
    const job = await read(g, id);
    expect(job).toMatchObject({ state: 'preparing', attempt: other!.attempt, modelId: null });
    expect(job.metrics).toEqual({});
  });

  it('with a learning rate that diverges fails naming step, rate and tensor', async () => {
    const g = grounds[0]!;
    const { id } = await g.job({ hyperparameters: { learningRate: 1e38, epochs: 50, weightDecay: 1 } });
    await g.train(id);
    const job = await read(g, id);
    expect(job).toMatchObject({ state: 'failed', error: { code: 'job-impossible' } });
    expect(job.error!.detail).toMatch(/step \d+ with learning rate 1e\+38 .*'(head\.weight|head\.bias|loss)'/);
  });

  it('leaves no process and no file behind', async () => {
    // Each ground's processor may keep one process ready for a few seconds.
    await until(() => expect(runChildren().length).toBeLessThanOrEqual(grounds.length));
    for (const g of grounds) expect(await readdir(join(g.home, 'run/jobs')).catch(() => [])).toEqual([]);
  });
});
