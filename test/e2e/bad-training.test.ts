import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { baseForPicturesOf, baseOfMaps, baseWithDeterminant } from '../support/odd-bases.js';
import { picture } from '../support/pictures.js';
import { fileOf } from '../support/predict.js';
import { smallNet } from '../support/small-net.js';
import { writeZip } from '../support/zip.js';
import { type Answer, expectProblem, httpOf } from './support/http.js';
import { type Service, startService } from './support/service.js';

let service: Service;
let http: ReturnType<typeof httpOf>;
let dataset: string;
let plain: string;
beforeAll(async () => {
  service = await startService({ env: { GRAFT_TRAINING_MEMORY_MB: '1024' } });
  http = httpOf(service);
  const folder = await mkdtemp(join(tmpdir(), 'graft-bad-training-'));
  const files = await Promise.all(
    Array.from({ length: 24 }, async (_, i) => {
      const label = i % 2 === 0 ? 'red' : 'blue';
      const colour: [number, number, number] = label === 'red' ? [190, 60, 70] : [60, 70, 190];
      return [`${label}/${i}.png`, await picture(i, { colour, width: 40, height: 40, format: 'png' })] as const;
    }),
  );
  await writeZip(join(folder, 'data.zip'), Object.fromEntries(files));
  dataset = (await http.dataset(await readFile(join(folder, 'data.zip')), 'two colours')).id;
  await rm(folder, { recursive: true, force: true });
  plain = (await http.base(Buffer.from(fileOf(smallNet())), 'plain')).id;
});
afterAll(() => service.stop());

const post = (base: string, method: object, hyperparameters: object = {}) =>
  http.post('/v1/jobs', { task: 'image-classification', dataset, base, method, hyperparameters });
async function ended(base: string, method: object, hyperparameters: object = {}): Promise<Answer> {
  const { status, body } = await post(base, method, hyperparameters);
  expect(status, JSON.stringify(body)).toBe(202);
  return http.ended(body.id);
}
const ALL = { type: 'fineTuning', layers: 'all' };

describe('a base with an operator that has no gradient rule', () => {
  let base: Answer;
  beforeAll(async () => {
    base = await http.base(Buffer.from(baseWithDeterminant('deter\0minant')), 'determinant');
  });

  test('says so, and is refused for fine-tuning as a whole, naming operator and opset', async () => {
    expect(base).toMatchObject({ state: 'ready', training: { supported: false, unsupportedOperators: ['Det'] } });
    for (const method of [ALL, { type: 'scratch' }]) {
      const reply = await post(base.id, method);
      expectProblem(reply, 422, 'base-unfit');
      expect(reply.body.detail).toMatch(/no gradient rule covers Det \(opset 13\).*featureExtraction/);
    }
  });

  test('is trained above it: a head on its features, and its last layers', async () => {
    expect(await ended(base.id, { type: 'featureExtraction' })).toMatchObject({ state: 'succeeded' });
    const last = await ended(base.id, { type: 'fineTuning', layers: 1 }, { epochs: 2 });
    expect(last).toMatchObject({ state: 'succeeded', method: { type: 'fineTuning', layers: 1 } });
  });

  test('with more layers than lie above it fails naming operator, opset and node, without the NUL in its name', async () => {
    const job = await ended(base.id, { type: 'fineTuning', layers: 2 });
    expect(job).toMatchObject({ state: 'failed', error: { code: 'job-impossible' } });
    expect(job.error.detail).toMatch(
      /Det \(opset 13, node 'deter\uFFFDminant'\) has no gradient rule.*Train layers above it/,
    );
  });
});

describe('settings that cannot be', () => {
  test('more layers than the network has: how many there are', async () => {
    const job = await ended(plain, { type: 'fineTuning', layers: 999 });
    expect(job.error).toMatchObject({ code: 'job-impossible', errors: [{ path: '/method/layers' }] });
    expect(job.error.detail).toMatch(/has 3 layers with parameters below the cut; 999 cannot be trained/);
  });

  test.each([
    ['learningRate', 1e9],
    ['learningRate', 0],
    ['learningRate', -1],
    ['microBatch', 0],
    ['averageDecay', 1],
    ['classWeights', { red: 0 }],
    ['classWeights', 'even'],
    ['unfreezing', 'slow'],
  ])('%s %j: not understood, and where', async (name, value) => {
    const reply = await post(plain, ALL, { [name]: value });
    expectProblem(reply, 400, 'request-invalid');
    expect(reply.body.errors[0].path).toMatch(new RegExp(`^/hyperparameters/${name}`));
  });

  test('a learning rate that is absurd: the step, the rate and the tensor; the best is kept, and a retry goes on from it', async () => {
    const absurd = {
      learningRate: 1000,
      optimizer: 'sgd',
      gradientClip: 0,
      warmup: 0,
      epochs: 30,
      batchNorm: 'frozen',
    };
    const job = await ended(plain, ALL, absurd);
    expect(job).toMatchObject({ state: 'failed', error: { code: 'job-impossible', errors: [{ code: 'diverged' }] } });
    expect(job.error.detail).toMatch(
      /at step \d+ with learning rate \S+ the .* is \S+ and the first tensor that holds numbers that are not finite is '\S+'/,
    );
    const retry = await http.post(`/v1/jobs/${job.id}/retry`, { hyperparameters: { learningRate: 0.001, epochs: 2 } });
    expect(retry.status).toBe(202);
    const again = await http.ended(retry.body.id);
    expect(again).toMatchObject({ state: 'succeeded', retryOf: job.id, hyperparameters: { learningRate: 0.001 } });
    const events = (await http.get(`/v1/jobs/${again.id}/events?limit=100`)).body.data as Answer[];
    expect(events.filter((e) => e.level === 'warning')).toEqual([]);
  });

  test('a batch larger than the data is all of the data', async () => {
    const job = await ended(plain, ALL, { batchSize: 60_000, epochs: 1 });
    expect(job.state).toBe('succeeded');
    expect(job.hyperparameters.batchSize).toBeLessThan(24);
    expect(job.memory.peak / job.memory.estimate.total).toBeLessThan(1.5);
  });
});

describe('a pass that does not fit into memory', () => {
  test('is refused with what it takes and what there is; left to auto, smaller passes add up to the batch', async () => {
    const wide = await http.base(Buffer.from(baseOfMaps(1024)), 'wide');
    const settings = { epochs: 1, batchSize: 16, augmentation: 'none' };
    const { state, error } = await ended(wide.id, ALL, { ...settings, microBatch: 16 });
    expect({ state, error }).toMatchObject({
      state: 'failed',
      error: { code: 'job-impossible', errors: [{ path: '/hyperparameters/microBatch' }] },
    });
    const [, takes, room] = /passes of 16 examples takes about (\d+) MiB of memory .*; (\d+) MiB can be used here/.exec(
      error.detail,
    )!;
    expect(Number(room)).toBe(Math.ceil(0.9 * 1024));
    expect(Number(takes)).toBeGreaterThan(Number(room));
    const fitted = await ended(wide.id, ALL, settings);
    expect(fitted).toMatchObject({ state: 'succeeded', hyperparameters: { batchSize: 16 } });
    expect(fitted.hyperparameters.microBatch).toBeLessThan(16);
    expect(fitted.memory.estimate.total).toBeLessThanOrEqual(fitted.memory.available);
  });
});

describe('pictures of a size that the network cannot take', () => {
  test('are found out when the base is looked at', async () => {
    const base = await http.base(Buffer.from(baseForPicturesOf(16)), 'small pictures');
    expect(base).toMatchObject({ state: 'invalid', error: { code: 'base-invalid' } });
    expect(base.error.detail).toMatch(/cannot run the model on 'image' of \[2, 3, 16, 16\]: ./);
    expectProblem(await post(base.id, ALL), 422, 'base-invalid');
    const enough = await http.base(Buffer.from(baseForPicturesOf(64)), 'large enough');
    expect(enough).toMatchObject({ state: 'ready', preprocessing: { crop: 64 } });
  });
});
