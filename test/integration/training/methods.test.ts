import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from '../../../scripts/build.mjs';
import type { Job, Method } from '../../../src/domain/types.js';
import { changedKey } from '../../../src/services/model-files.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { fileOf } from '../../support/predict.js';
import { PREPROCESSING, pictures, smallNet, WIDTH } from '../../support/small-net.js';
import { progressWatch, runChildren, type TrainingGround, trainingGround } from '../../support/training.js';

let db: TestDatabase;
let ground: TrainingGround;
const watch = progressWatch();

const ALL: Method = { type: 'fineTuning', layers: 'all' };
/** Everything that a checkpoint must bring back, at once. */
const EVERYTHING = {
  ...({ epochs: 12, batchSize: 16, microBatch: 6, learningRate: 0.003, seed: 3, patience: 100 } as const),
  ...({ augmentation: 'strong', unfreezing: 'gradual', averageDecay: 0.9, averageUse: 'always' } as const),
  ...({
    classWeights: 'balanced',
    labelSmoothing: 0.1,
    schedule: 'linear',
    layerDecay: 0.8,
    batchNorm: 'live',
  } as const),
};
const read = async (id: string) => (await ground.repos.jobs.byId(id))!;
async function trained(hyperparameters: Record<string, unknown>, method: Method = ALL): Promise<Job> {
  const { id } = await ground.job({ method, hyperparameters });
  await ground.train(id);
  return read(id);
}
async function changedOf(done: Job): Promise<string> {
  expect(done.error).toBeNull();
  const model = (await ground.repos.models.find(done.projectId, done.modelId!))!;
  const bytes = await ground.stores.artifacts.read(changedKey(model)!);
  return createHash('sha256').update(bytes).digest('hex');
}
const events = async (id: string) => ground.repos.jobs.events(id, 0n, 1000);

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
});
afterAll(async () => {
  await ground?.close();
  await db?.close();
});

describe('fine-tuning by every method at once', () => {
  it('killed at steps drawn at random goes on and ends with the same bits', async () => {
    const undisturbed = await trained(EVERYTHING);
    expect(undisturbed.hyperparameters).toMatchObject(EVERYTHING);
    const { id } = await ground.job({ method: ALL, hyperparameters: EVERYTHING });
    const total = 12 * Math.ceil(72 / 16);
    const first = 2 + Math.floor(Math.random() * 20);
    const second = first + 3 + Math.floor(Math.random() * (total - first - 10));
    const run = (async () => {
      for (const at of [first, second]) {
        await watch.steps(at);
        for (const pid of runChildren()) process.kill(pid, 'SIGKILL');
      }
    })();
    await ground.train(id);
    await run;
    const done = await read(id);
    expect(done.attempt, `killed at ${first} and ${second}`).toBeGreaterThanOrEqual(2);
    expect(await changedOf(done), `killed at ${first} and ${second}`).toBe(await changedOf(undisturbed));
    expect(done.metrics).toEqual(undisturbed.metrics);
    expect(done.metrics).toHaveProperty('validation/average/accuracy');
  });

  it('says which weights were kept, how long a step took, and how long it waited', async () => {
    const done = await trained({ ...EVERYTHING, epochs: 4 });
    const last = (await events(done.id)).find((e) => e.data.pace !== undefined)!;
    const { best, pace } = last.data as unknown as {
      best: { epoch: number; of: string };
      pace: { steps: number; stepMs: number; waitMs: number };
    };
    expect(pace.steps).toBe(20);
    expect(pace.stepMs).toBeGreaterThan(0);
    expect(pace.waitMs).toBeGreaterThanOrEqual(0);
    expect(last.message).toContain(
      best.epoch === 0 ? 'the head alone' : `the moving average of the weights after epoch ${best.epoch} is kept`,
    );
  });
});

describe('what was left to auto', () => {
  it('is told with a reason each, and stands resolved in the job', async () => {
    const done = await trained({ epochs: 2, batchSize: 'auto', labelSmoothing: 'auto' });
    expect(done.hyperparameters).toMatchObject({
      ...{ epochs: 2, batchSize: 32, microBatch: 32, optimizer: 'adamw', schedule: 'cosine', unfreezing: 'none' },
      ...{ averageDecay: 0, averageUse: 'better', classWeights: 'none', labelSmoothing: 0, batchNorm: 'live' },
    });
    expect(Object.values(done.hyperparameters)).not.toContain('auto');
    const logs = (await events(done.id)).filter((e) => e.type === 'log' && e.data.choices !== undefined);
    expect(logs).toHaveLength(2);
    const [head, tuning] = logs as [(typeof logs)[number], (typeof logs)[number]];
    expect(head.message).toMatch(/^chose for the head, which is trained first:\n/);
    const choices = tuning.data.choices as unknown as { name: string; value: unknown; why: string }[];
    const lines = tuning.message.split('\n').slice(1);
    expect(lines).toEqual(choices.map(({ name, value, why }) => `  ${name} ${value}: ${why}`));
    expect(choices.map((c) => c.name)).toEqual(
      expect.arrayContaining(['batchSize', 'microBatch', 'optimizer', 'learningRate', 'schedule', 'classWeights']),
    );
    // What was given is no choice.
    expect(choices.map((c) => c.name)).not.toContain('epochs');
  });
});

describe('the memory of a run', () => {
  it('is estimated before it, measured after it, and shown in the job', async () => {
    const done = await trained({ epochs: 1 });
    const { estimate, available, peak } = done.memory!;
    const { total, ...parts } = estimate;
    expect(Object.values(parts).reduce((a, b) => a + b, 0)).toBeCloseTo(total, -1);
    expect(total).toBeLessThan(available);
    expect(peak!).toBeGreaterThan(50 * 2 ** 20);
    expect(peak! / total).toBeLessThan(1.5);
  });
});

describe('skewed labels', () => {
  it('weigh the same where asked, by label or balanced; a label that there is not is refused by name', async () => {
    const plain = await changedOf(await trained({ epochs: 2 }));
    const given = await trained({ epochs: 2, classWeights: { red: 5 } });
    expect(await changedOf(given)).not.toBe(plain);
    expect(given.hyperparameters.classWeights).toEqual({ red: 5 });
    const head = await trained({ classWeights: { red: 50 } }, { type: 'featureExtraction' });
    expect(head.error).toBeNull();
    const wrong = await trained({ classWeights: { purple: 5 } }, { type: 'featureExtraction' });
    expect(wrong).toMatchObject({ state: 'failed', error: { code: 'job-impossible' } });
    expect(wrong.error!.detail).toContain("no label 'purple'; their labels are blue, green, red");
  });
});

describe('a batch larger than the data', () => {
  it('is all of the data', async () => {
    const done = await trained({ epochs: 1, batchSize: 5000 });
    expect(done.error).toBeNull();
    expect(done.hyperparameters).toMatchObject({ batchSize: 72, microBatch: 72 });
  });
});
