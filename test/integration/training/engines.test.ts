import { copyFile, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from '../../../scripts/build.mjs';
import type { Job, JobEvent } from '../../../src/domain/types.js';
import { graphBuilder, tensor } from '../../../src/onnx/index.js';
import { MANIFEST, tensorflowFolder } from '../../../workers/executors/tensorflow/installation.js';
import { picture } from '../../support/pictures.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { fileOf } from '../../support/predict.js';
import { TENSORFLOW } from '../../support/tensorflow.js';
import { type TrainingGround, trainingGround } from '../../support/training.js';

const CROP = 24;
const WIDTH = 8;

/** Two convolutions, the second depthwise. */
function smallNet(): Uint8Array {
  const b = graphBuilder({ opset: 13, name: 'net' });
  const weights = (name: string, dims: readonly number[]): string => {
    const count = dims.reduce((n, d) => n * d, 1);
    return b.initializer(
      name,
      tensor(
        '',
        'float32',
        dims,
        Array.from({ length: count }, (_, i) => Math.sin(i) / 3),
      ),
    );
  };
  const x = b.input('image', 'float32', ['N', 3, CROP, CROP]);
  const first = b.op('Conv', [x, weights('first', [WIDTH, 3, 3, 3]), weights('bias', [WIDTH])], { strides: [2, 2] });
  const second = b.op('Conv', [b.op('Relu', [first]), weights('second', [WIDTH, 1, 3, 3])], { group: WIDTH });
  const pooled = b.op('GlobalAveragePool', [b.op('Relu', [second])]);
  b.output(b.op('Flatten', [pooled], { axis: 1 }, { outputs: ['features'] }), 'float32', ['N', WIDTH]);
  return fileOf(b.model());
}

let db: TestDatabase;
let ground: TrainingGround;
beforeAll(async () => {
  await build();
  db = await testDatabase();
  const labels = ['red', 'green'] as const;
  const pictures = await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      const label = labels[i % 2]!;
      const colour = [i % 2 ? 60 : 160 + (i % 5), i % 2 ? 150 : 70, 80 + i] as const;
      return {
        path: `${label}/${i}.png`,
        label,
        split: null,
        bytes: await picture(i, { colour: [...colour], width: 30, height: 30, format: 'png' }),
      };
    }),
  );
  ground = await trainingGround(db, {
    pictures,
    // Kept after every epoch.
    config: { checkpointMs: 0 },
    base: smallNet(),
    cut: { tensor: 'features', features: WIDTH },
    preprocessing: {
      resize: CROP,
      crop: CROP,
      layout: 'NCHW',
      channels: 'RGB',
      scale: 1 / 255,
      mean: [0.5],
      std: [0.25],
    },
  });
}, 120_000);
afterAll(async () => {
  await ground.close();
  await db.close();
});
const eventsOf = (job: Job): Promise<readonly JobEvent[]> => ground.repos.jobs.events(job.id, 0n, 100);
const fineTuning = {
  method: { type: 'fineTuning', layers: 'all' },
  hyperparameters: { epochs: 3, batchSize: 8 },
} as const;

describe('which engine trains', () => {
  it('a job that asks for one that is not here stays queued and says so once', async () => {
    const job = await ground.job({ engineRequested: 'tensorflow', ...fineTuning });
    await ground.train(job.id);
    await ground.train(job.id);
    expect((await ground.repos.jobs.byId(job.id))!.state).toBe('queued');
    const said = (await eventsOf(job)).filter((e) =>
      e.message.includes('waits for a worker with the engine tensorflow'),
    );
    expect(said).toHaveLength(1);
    expect(said[0]!.data.here).toContain('npm run engine:tensorflow');
    await ground.repos.jobs.request(job.projectId, job.id, 'cancel');
  });

  it('the job records engine and reason', async () => {
    const job = await ground.job({ engineRequested: 'onnxruntime', ...fineTuning });
    await ground.train(job.id);
    expect((await ground.repos.jobs.byId(job.id))!).toMatchObject({
      state: 'succeeded',
      engine: { executor: 'onnxruntime', device: 'cpu' },
    });
    const said = (await eventsOf(job)).find((e) => e.message.startsWith('trains on onnxruntime'));
    expect(said?.data.why).toBe('the job asks for it');
    const chosen = (await eventsOf(job)).find((e) => e.message.includes('precision float32: '));
    expect(chosen).toBeDefined();
    expect(said?.data.layout).toMatch(/^convolutions in (blocks of (8|16) channels|the standard layout)/);
  });
});

describe.runIf(TENSORFLOW !== null)('with TensorFlow', () => {
  beforeAll(() =>
    symlink(resolve(process.env.TEST_TENSORFLOW_HOME ?? '.graft', 'engines'), join(ground.home, 'engines')),
  );

  it('auto times a step on both engines, once, and trains on the faster one', async () => {
    const trained = async () => {
      const job = await ground.job(fineTuning);
      await ground.train(job.id);
      const done = (await ground.repos.jobs.byId(job.id))!;
      expect(done.error).toBeNull();
      return { executor: done.engine!.executor, said: (await eventsOf(job)).map((e) => e.message) };
    };
    const first = await trained();
    const kept = JSON.parse(await readFile(join(ground.home, 'cache/engine-times.json'), 'utf8')) as object;
    const [times] = Object.values(kept) as [Record<'onnxruntime' | 'tensorflow', number>];
    expect(first.executor).toBe(times.tensorflow < 0.9 * times.onnxruntime ? 'tensorflow' : 'onnxruntime');
    const timing = 'times a step of this network';
    expect(first.said.some((message) => message.startsWith(timing))).toBe(true);
    expect(first.said.find((message) => message.startsWith('trains on'))).toMatch(
      /a step of 8 examples takes \d+ ms on it, as timed on this machine, and \d+ on /,
    );
    const second = await trained();
    expect(second.executor).toBe(first.executor);
    expect(second.said.some((message) => message.startsWith(timing))).toBe(false);
  });

  it('a job that asks for it trains layers on it; onnxruntime proves the exported model', async () => {
    const job = await ground.job({ engineRequested: 'tensorflow', ...fineTuning });
    await ground.train(job.id);
    const done = (await ground.repos.jobs.byId(job.id))!;
    expect(done.error).toBeNull();
    expect(done).toMatchObject({ state: 'succeeded', engine: { executor: 'tensorflow', device: 'cpu' } });
    const model = (await ground.repos.models.find(job.projectId, done.modelId!))!;
    expect(model.certificate.engines).toMatchObject({
      trainer: { executor: 'tensorflow' },
      verifier: { executor: 'onnxruntime' },
    });
    expect(model.certificate.maxDifference).toBeLessThan(1e-4);
    expect((await eventsOf(job)).some((e) => e.message.startsWith('trains on tensorflow'))).toBe(true);
  });

  it('trains in mixed precision where the job asks, and says so; what it publishes is proved in float32', async () => {
    const job = await ground.job({
      ...fineTuning,
      hyperparameters: { ...fineTuning.hyperparameters, precision: 'mixed' },
    });
    await ground.train(job.id);
    const done = (await ground.repos.jobs.byId(job.id))!;
    expect(done.error).toBeNull();
    expect(done).toMatchObject({
      engine: { executor: 'tensorflow' },
      hyperparameters: { precision: 'mixed' },
    });
    expect(done.metrics['validation/accuracy']!).toBeGreaterThan(0.9);
    const model = (await ground.repos.models.find(job.projectId, done.modelId!))!;
    expect(model.certificate.maxDifference).toBeLessThan(1e-4);
    const said = (await eventsOf(job)).map((e) => e.message).join('\n');
    expect(said).toContain('convolutions and products are computed in bfloat16');
  });

  it('a head alone is trained on onnxruntime, unless the job asks', async () => {
    const auto = await ground.job();
    await ground.train(auto.id);
    expect((await ground.repos.jobs.byId(auto.id))!.engine?.executor).toBe('onnxruntime');
    const asked = await ground.job({ engineRequested: 'tensorflow' });
    await ground.train(asked.id);
    const [one, other] = await Promise.all([auto, asked].map((job) => ground.repos.jobs.byId(job.id)));
    expect(other!.state).toBe('succeeded');
    expect(other!.engine?.executor).toBe('tensorflow');
    expect(other!.metrics['validation/loss']!).toBeCloseTo(one!.metrics['validation/loss']!, 3);
  });
});

describe.runIf(TENSORFLOW !== null)('a GPU that fails in the middle of a run', () => {
  /** An installation whose addon computes as the real one does and says that it is a GPU's, until `calls` have run. */
  async function failing(then: 'cpu' | 'broken' | 'full', calls: number): Promise<void> {
    const folder = tensorflowFolder(ground.home);
    await rm(join(ground.home, 'engines'), { recursive: true, force: true });
    await mkdir(join(folder, then), { recursive: true });
    await copyFile(join(import.meta.dirname, '../../support/failing-gpu.cjs'), join(folder, then, 'addon.cjs'));
    const { addonPath, ...manifest } = TENSORFLOW!;
    await writeFile(join(folder, then, 'addon.json'), JSON.stringify({ addon: addonPath, calls, then }));
    await writeFile(join(folder, MANIFEST), JSON.stringify({ ...manifest, addon: `${then}/addon.cjs` }));
  }

  it.each([
    ['cpu', 'tensorflow'],
    ['broken', 'onnxruntime'],
  ] as const)('then %s: the run goes on from its checkpoint on %s', async (then, executor) => {
    // A gradient of a dense convolution's weights a step: in the eighth of twelve.
    await failing(then, 8);
    // Left to auto, the faster engine of the processor would go on.
    const engineRequested = executor === 'tensorflow' ? executor : 'auto';
    const method = { ...fineTuning.method, cut: 'features' } as const;
    const job = await ground.job({ ...fineTuning, engineRequested, method });
    await ground.train(job.id);
    const done = (await ground.repos.jobs.byId(job.id))!;
    expect(done.error).toBeNull();
    expect(done).toMatchObject({ state: 'succeeded', attempt: 2, engine: { executor, device: 'cpu' } });
    const said = (await eventsOf(job)).map((e) => e.message);
    const at = (words: string): number => said.findIndex((message) => message.startsWith(words));
    const order = ['trains on tensorflow', 'the device that', `trains on ${executor}`, 'goes on after step 7 of'];
    const places = order.map((words, i) => (i === 2 ? said.findLastIndex((m) => m.startsWith(words)) : at(words)));
    expect(places[0]).toBeGreaterThanOrEqual(0);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    // The words of CUDA, the node and its sizes.
    expect(said[places[1]!]).toMatch(/ConvWeightGradient .*CUDA_ERROR_NO_DEVICE/);
  });

  it('memory that is short once: the run begins again with passes of half the size', async () => {
    await failing('full', 1);
    const job = await ground.job(fineTuning);
    await ground.train(job.id);
    const done = (await ground.repos.jobs.byId(job.id))!;
    expect(done.error).toBeNull();
    expect(done).toMatchObject({ state: 'succeeded', attempt: 1, hyperparameters: { batchSize: 8, microBatch: 4 } });
    const said = (await eventsOf(job)).map((e) => e.message);
    expect(said).toContainEqual(
      "the device's memory does not hold a pass of 8 examples; begins again with passes of at most 4",
    );
    expect(said).toContainEqual(expect.stringContaining('adds up the gradients of 2 passes of 4 examples'));
  });

  it('memory that stays short, or passes that the job itself asks for: fails with sizes and what to do', async () => {
    await failing('full', 2);
    const job = await ground.job(fineTuning);
    await ground.train(job.id);
    const failed = (await ground.repos.jobs.byId(job.id))!;
    expect(failed).toMatchObject({ state: 'failed', error: { code: 'out-of-memory' } });
    expect(failed.error!.detail).toMatch(/passes of 8 examples, then 4 examples: .*OOM.* set a smaller microBatch/s);
    await failing('full', 1);
    const asked = await ground.job({
      ...fineTuning,
      hyperparameters: { ...fineTuning.hyperparameters, microBatch: 8 },
    });
    await ground.train(asked.id);
    expect((await ground.repos.jobs.byId(asked.id))!.error!.detail).toMatch(/passes of 8 examples: /);
  });
});
