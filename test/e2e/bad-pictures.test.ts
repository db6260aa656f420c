import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { zipOf } from '../support/bad-archives.js';
import { sharedData } from '../support/data.js';
import { type Answer, expectProblem, httpOf } from './support/http.js';
import { type Service, startService } from './support/service.js';

const models = sharedData('models');
const images = sharedData('images');

describe.runIf(models !== null && images !== null)('odd and corrupt pictures', () => {
  let service: Service;
  let http: ReturnType<typeof httpOf>;
  beforeAll(async () => {
    service = await startService();
    http = httpOf(service);
  });
  afterAll(() => service?.stop());

  let model: string;
  const unreadable = new Set<string>();
  const names = images === null ? [] : readdirSync(images).filter((name) => name !== 'manifest.csv');
  test('in a dataset: the bad ones are reported by path and reason, the others trained on', async () => {
    const base = await http.base(readFileSync(join(models!, 'mobilenetv1-0.25-imagenet.onnx')), 'small');
    expect(base.state).toBe('ready');
    const files = Object.fromEntries(
      names.map((name, i) => [`${i % 2 === 0 ? 'even' : 'odd'}/${name}`, readFileSync(join(images!, name))]),
    );
    const dataset = await http.dataset(await zipOf(files), 'odd');
    expect(dataset.state).toBe('ready');
    expect(dataset.summary.rejected).toBeGreaterThan(3);
    const bad = await http.get(`/v1/datasets/${dataset.id}/examples?problem=true&limit=100`);
    expect(bad.body.data).toHaveLength(dataset.summary.rejected);
    const { rejected } = (await http.get(`/v1/datasets/${dataset.id}/report`)).body;
    expect(rejected.map((item: Answer) => item.path).sort()).toEqual(
      bad.body.data.map((example: Answer) => example.path).sort(),
    );
    for (const { path, code, detail } of rejected) {
      expect(Object.keys(files)).toContain(path);
      expect([path, code]).toEqual([path, expect.stringMatching(/^image-/)]);
      expect(detail.length).toBeGreaterThan(10);
    }
    // What cannot be decoded in a dataset cannot be predicted on either, and the other way round.
    for (const { path } of rejected) unreadable.add(path.split('/')[1]);
    const job = await http.post('/v1/jobs', { task: 'image-classification', dataset: dataset.id, base: 'small' });
    expect(job.status, JSON.stringify(job.body)).toBe(202);
    const ended = await http.ended(job.body.id);
    expect(ended, JSON.stringify(ended.error)).toMatchObject({ state: 'succeeded' });
    model = ended.model;
  });

  test('as inputs of predictions: an answer or a reason for each, and the service lives', async () => {
    for (const name of names) {
      const reply = await http.call('POST', `/v1/models/${model}/predict`, {
        body: http.form({}, readFileSync(join(images!, name)), name),
      });
      if (unreadable.has(name)) expectProblem(reply, 422, 'input-invalid');
      else expect([name, reply.status, reply.body.predictions?.length]).toEqual([name, 200, 1]);
    }
    expect((await http.get('/readyz')).status).toBe(200);
  });
});
