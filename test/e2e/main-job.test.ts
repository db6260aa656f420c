import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sharedData } from '../support/data.js';
import { emptyDatabase } from '../support/postgres.js';
import { startRedis } from '../support/redis.js';
import { zipFolder } from '../support/zip.js';
import { type Answer, expectProblem, httpOf } from './support/http.js';
import { type Service, startService } from './support/service.js';

const photos = sharedData('datasets', 'hymenoptera');
const model = sharedData('models', 'mobilenetv2-1.0-imagenet-backbone.onnx');
const present = photos !== null && model !== null;

for (const variant of ['embedded default', 'Redis and Postgres'] as const) {
  describe.runIf(present)(`photos in, a served classifier out: ${variant}`, () => {
    let service: Service;
    let http: ReturnType<typeof httpOf>;
    let zip: Buffer;
    const cleanup: (() => Promise<unknown>)[] = [];
    beforeAll(async () => {
      const folder = await mkdtemp(join(tmpdir(), 'graft-main-'));
      cleanup.push(() => rm(folder, { recursive: true, force: true }));
      await zipFolder(photos!, join(folder, 'photos.zip'));
      zip = await readFile(join(folder, 'photos.zip'));
      if (variant === 'embedded default') service = await startService({ firstStart: true });
      else {
        const database = await emptyDatabase();
        cleanup.push(database.drop);
        const redis = await startRedis();
        if (redis === null) throw new Error('There is no Redis: set TEST_REDIS_URL or install redis-server.');
        cleanup.push(redis.stop);
        service = await startService({ databaseUrl: database.url, queueUrl: redis.url });
      }
      cleanup.push(() => service.stop());
      http = httpOf(service);
    });
    afterAll(async () => {
      for (const step of cleanup.reverse()) await step();
    });

    let base: Answer;
    let dataset: Answer;
    let job: Answer;

    test('a base and a dataset', async () => {
      base = await http.base(await readFile(model!), 'mobilenetv2');
      expect(base).toMatchObject({
        object: 'base',
        state: 'ready',
        opset: 13,
        tasks: ['image-classification'],
        error: null,
      });
      dataset = await http.dataset(zip, 'ants and bees');
      expect(dataset).toMatchObject({
        object: 'dataset',
        state: 'ready',
        summary: { examples: 398, splits: { train: 245, validation: 153, test: 0 } },
      });
      expect(dataset.revision).toMatchObject({ number: 1, bytes: zip.length });
    });

    test('a job with defaults only', async () => {
      const request = {
        task: 'image-classification',
        dataset: dataset.id,
        base: 'mobilenetv2',
        metadata: { ticket: 'A-17' },
      };
      const created = await http.post('/v1/jobs', request, { 'idempotency-key': 'once' });
      expect(created.status, JSON.stringify(created.body)).toBe(202);
      expect(created.headers.get('location')).toBe(`/v1/jobs/${created.body.id}`);
      const again = await http.post('/v1/jobs', request, { 'idempotency-key': 'once' });
      expect(again.body.id).toBe(created.body.id);
      expectProblem(
        await http.post('/v1/jobs', { ...request, name: 'other' }, { 'idempotency-key': 'once' }),
        409,
        'idempotency-conflict',
      );

      // The live stream, from its first event to the end of the job.
      const stream = await fetch(`${service.url}/v1/jobs/${created.body.id}/events`, {
        headers: { ...service.headers, accept: 'text/event-stream' },
      });
      expect(stream.headers.get('content-type')).toMatch('text/event-stream');
      const events = (await stream.text())
        .split('\n')
        .filter((line) => line.startsWith('data: '))
        .map((line) => JSON.parse(line.slice(6)));
      const states = events.filter((event) => event.type === 'state').map((event) => event.data.state);
      expect(states).toEqual(['queued', 'preparing', 'running', 'evaluating', 'publishing', 'succeeded']);

      job = await http.ended(created.body.id);
      expect(job).toMatchObject({
        state: 'succeeded',
        attempt: 1,
        error: null,
        metadata: { ticket: 'A-17' },
        engine: { executor: 'onnxruntime', device: 'cpu' },
      });
      expect(job.metrics['validation/accuracy']).toBeGreaterThanOrEqual(0.954);
      const listed = await http.get(`/v1/jobs/${job.id}/events?limit=3`);
      expect(listed.body.data).toHaveLength(3);
      const rest = await http.get(`/v1/jobs/${job.id}/events?limit=100&after=${listed.body.nextCursor}`);
      expect([...listed.body.data, ...rest.body.data].map((event: Answer) => event.id)).toEqual(
        events.map((event) => event.id),
      );
    });

    test('the evaluation, down to single examples', async () => {
      const { body } = await http.get(`/v1/models/${job.model}/evaluation`);
      expect(body.accuracy).toBe(job.metrics['validation/accuracy']);
      const wrong = await http.get(`/v1/models/${job.model}/evaluation/examples?actual=bees&predicted=ants`);
      for (const example of wrong.body.data)
        expect(example).toMatchObject({ actual: 'bees', predicted: 'ants', split: 'validation' });
    });

    test('predictions, and the exported file predicts the same', async () => {
      const names = readdirSync(join(photos!, 'val/bees')).slice(0, 3);
      const exported = await fetch(`${service.url}/v1/models/${job.model}/files/model.onnx`, {
        headers: service.headers,
      });
      const session = await InferenceSession.create(new Uint8Array(await exported.arrayBuffer()), {
        intraOpNumThreads: 1,
      });
      for (const name of names) {
        const bytes = readFileSync(join(photos!, 'val/bees', name));
        const answer = await http.call('POST', `/v1/models/${job.model}/predict`, {
          body: new Uint8Array(bytes),
          headers: { 'content-type': 'image/jpeg' },
        });
        expect(answer.status, JSON.stringify(answer.body)).toBe(200);
        const [prediction] = answer.body.predictions;
        const outside = await runExported(session, bytes);
        const model = (await http.get(`/v1/models/${job.model}`)).body;
        const label = model.labels[outside.indexOf(Math.max(...outside))];
        expect(prediction.label).toBe(label);
        expect(Math.abs(prediction.probability - Math.max(...outside))).toBeLessThan(0.02);
      }
    });

    test('an alias, one bad input among good ones, and a deleted model', async () => {
      expect((await http.call('PUT', '/v1/aliases/production', { json: { model: job.model } })).status).toBeLessThan(
        300,
      );
      const good = readFileSync(join(photos!, 'val/ants', readdirSync(join(photos!, 'val/ants'))[0]!)).toString(
        'base64',
      );
      const { body } = await http.post('/v1/models/production/predict', {
        inputs: [{ image: { base64: good } }, { image: { base64: 'AAAA' } }, { image: { base64: good } }],
      });
      expect(body.predictions).toHaveLength(3);
      expect(body.predictions[1].error.code).toBe('input-invalid');
      expect(body.predictions[2].label).toBe(body.predictions[0].label);
      expect((await http.call('DELETE', `/v1/models/${job.model}`)).status).toBe(204);
      expectProblem(
        await http.post(`/v1/models/${job.model}/predict`, { inputs: [{ image: { base64: good } }] }),
        404,
        'not-found',
      );
      expectProblem(
        await http.post('/v1/models/production/predict', { inputs: [{ image: { base64: good } }] }),
        404,
        'not-found',
      );
    });
  });
}

/** The exported graph on pixels prepared as a stranger would, from the base's published preprocessing. */
async function runExported(session: InferenceSession, bytes: Buffer): Promise<number[]> {
  const size = { fit: 'cover', kernel: 'linear' } as const;
  const pixels = await sharp(bytes)
    .rotate()
    .resize(256, 256, size)
    .extract({ left: 16, top: 16, width: 224, height: 224 })
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer();
  const input = new Float32Array(3 * 224 * 224);
  const [mean, std] = [
    [0.485, 0.456, 0.406],
    [0.229, 0.224, 0.225],
  ];
  for (let c = 0; c < 3; c++) {
    for (let i = 0; i < 224 * 224; i++) input[c * 224 * 224 + i] = (pixels[i * 3 + c]! / 255 - mean![c]!) / std![c]!;
  }
  const results = await session.run({ [session.inputNames[0]!]: new Tensor('float32', input, [1, 3, 224, 224]) });
  return [...(results.probabilities!.data as Float32Array)];
}
