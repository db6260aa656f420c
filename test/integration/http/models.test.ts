import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import sharp from 'sharp';
import supertest from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../../src/ids.js';
import { decodeModel } from '../../../src/onnx/index.js';
import { composeExport, exportOptions } from '../../../src/tasks/export.js';
import { type TestService, testService } from '../../support/http.js';
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
import { ground, newJob, newModel } from '../../support/records.js';

const LABELS = ['ants', 'bees', 'wasps'];
let service: TestService;
let db: TestDatabase;
let home: PredictHome;
let id: string;
let whole: Buffer;
let red: Buffer;
const sha = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** A published model whose base and head lie in the store, as a job leaves them. */
beforeAll(async () => {
  db = await testDatabase();
  home = await predictHome(db.url);
  await home.start();
  service = await testService({ db, predictor: home.client });
  const { repos, stores } = service;
  const base = smallBase(1);
  const head = smallHead(2, LABELS.length);
  id = newId('mdl');
  const [served] = await storeModels(stores.artifacts, base, [{ id, head, labels: LABELS }]);
  const on = await ground(repos);
  const job = { ...newJob(on), base: { id: on.base, digest: served!.base.digest } };
  await repos.jobs.create(job);
  await db.pool.query('UPDATE base SET digest = $2, blob_key = $3 WHERE id = $1', [
    on.base,
    job.base.digest,
    `bases/${job.base.digest}`,
  ]);
  const fence = { jobId: job.id, attempt: (await repos.jobs.claim(job.id, 'w'))!.attempt };
  for (const state of ['running', 'evaluating', 'publishing'] as const)
    await repos.jobs.transition(fence, state, { type: 'state', message: state });
  const draft = newModel(job, {
    id,
    cut: 'features',
    labels: LABELS,
    preprocessing: PREPROCESSING,
    headKey: served!.headKey,
  });
  whole = Buffer.concat(composeExport(fileOf(base), fileOf(head), exportOptions({ ...draft })));
  const labels = Buffer.from(JSON.stringify(LABELS));
  await stores.artifacts.put(`models/${id}/files/labels.json`, Readable.from([labels]));
  const examples = ['ants', 'bees', 'bees'].map((predicted, index) => ({
    ...{
      index,
      path: `val/bees/${index}.jpg`,
      split: 'validation' as const,
      actual: 'bees',
      predicted,
      probability: 0.5,
      probabilities: [0.5, 0.3, 0.2],
    },
  }));
  await repos.jobs.publish(
    fence,
    {
      ...draft,
      examples,
      certificate: { ...draft.certificate, exportDigest: sha(whole) },
      files: [
        { name: 'model.onnx', bytes: whole.length, digest: sha(whole), contentType: 'application/octet-stream' },
        { name: 'labels.json', bytes: labels.length, digest: sha(labels), contentType: 'application/json' },
      ],
    },
    {},
  );
  red = await sharp({ create: { width: 64, height: 48, channels: 3, background: 'red' } })
    .jpeg()
    .toBuffer();
});
afterAll(async () => {
  await service?.close();
  await home?.close();
});
const api = () => supertest(service.url);

describe('files', () => {
  it('writes model.onnx anew, with the bytes of its certificate', async () => {
    const { body } = await api().get(`/v1/models/${id}`);
    const files = (await api().get(`/v1/models/${id}/files`)).body.data;
    expect(files.map((file: { name: string }) => file.name)).toEqual(['model.onnx', 'labels.json']);
    const answer = await api().get(`/v1/models/${id}/files/model.onnx`).responseType('blob');
    expect([answer.status, answer.headers['content-length']]).toEqual([200, String(whole.length)]);
    expect(answer.headers['content-disposition']).toBe('attachment; filename="model.onnx"');
    expect(sha(answer.body)).toBe(body.certificate.exportDigest);
    expect(decodeModel(answer.body).graph.outputs.map(({ name }) => name)).toEqual(['probabilities', 'logits']);
    await api().get(`/v1/models/${id}/files/model.onnx`).set('if-none-match', `${answer.headers.etag}`).expect(304);
    await api().head(`/v1/models/${id}/files/model.onnx`).set('if-none-match', `${answer.headers.etag}`).expect(304);
    const head = await api().head(`/v1/models/${id}/files/model.onnx`);
    expect([head.status, head.headers['content-length']]).toEqual([200, String(whole.length)]);
  });

  it('serves the others as they are, and names those that exist', async () => {
    expect((await api().get(`/v1/models/${id}/files/labels.json`)).body).toEqual(LABELS);
    const { status, body } = await api().get(`/v1/models/${id}/files/other.txt`);
    expect([status, body.detail]).toEqual([404, expect.stringContaining('labels.json')]);
  });

  it('answers "show me the bees called ants"', async () => {
    const { body } = await api().get(`/v1/models/${id}/evaluation/examples?actual=bees&predicted=ants`);
    expect(body.data.map((example: { path: string }) => example.path)).toEqual(['val/bees/0.jpg']);
    expect((await api().get(`/v1/models/${id}/evaluation`)).body).toMatchObject({
      object: 'evaluation',
      id,
      accuracy: 0.95,
    });
  });
});

describe('predict', () => {
  const predict = (reference = id) => api().post(`/v1/models/${reference}/predict`);

  it('takes a form, a raw body and JSON, and says the same of the same picture', async () => {
    const raw = await predict().set('content-type', 'image/jpeg').send(red);
    expect(raw.status).toBe(200);
    expect(raw.body).toMatchObject({ object: 'prediction', model: id, timing: { batch: expect.any(Number) } });
    const [one] = raw.body.predictions;
    expect(one.top.map(({ label }: { label: string }) => label).sort()).toEqual(LABELS);
    expect(one.top[0]).toEqual({ label: one.label, probability: one.probability });
    const form = await predict().attach('file', red, 'a.jpg').attach('file', red, 'b.jpg').field('top', '1');
    expect(form.body.predictions.map((p: { label: string; top: unknown[] }) => [p.label, p.top.length])).toEqual([
      [one.label, 1],
      [one.label, 1],
    ]);
    const json = await predict().send({ inputs: [{ image: { base64: red.toString('base64') } }], top: 2 });
    expect([json.body.predictions[0].label, json.body.predictions[0].top.length]).toEqual([one.label, 2]);
  });

  it('answers the others when one of several is bad, and fails when the only one is', async () => {
    const { status, body } = await predict().send({
      inputs: [
        { image: { base64: '@@@' } },
        { image: { base64: red.toString('base64') } },
        { text: 'ants?' },
        { image: { base64: red.subarray(0, 200).toString('base64') } },
      ],
    });
    expect(status).toBe(200);
    expect(body.predictions.map((p: { error?: { code: string }; label?: string }) => p.error?.code ?? 'fine')).toEqual([
      'input-invalid',
      'fine',
      'input-invalid',
      'input-invalid',
    ]);
    expect(body.predictions[0].error.status).toBe(422);
    const only = await predict().set('content-type', 'image/png').send(Buffer.from('no picture'));
    expect([only.status, only.body.code, only.body.instance]).toEqual([
      422,
      'input-invalid',
      `/v1/models/${id}/predict`,
    ]);
  });

  it('refuses unknown fields and parts, nothing, and too much', async () => {
    expect((await predict().send({ inputs: [], top: 1 })).status).toBe(400);
    for (const [input, which] of [
      [{ text: 'a', image: { base64: '' } }, "both 'image' and 'text'"],
      [{}, "neither 'image' nor 'text'"],
    ] as const) {
      const { status, body } = await predict().send({ inputs: [input] });
      expect([status, body.errors[0].path]).toEqual([400, '/inputs/0']);
      expect(body.detail).toContain(which);
    }
    expect((await predict().send({ inputs: [{ sound: 'a' }] })).status).toBe(400);
    expect((await predict().field('colour', 'red').attach('file', red, 'a.jpg')).body.errors[0].path).toBe('/colour');
    expect((await predict().field('top', '3')).status).toBe(400);
    const large = Buffer.alloc(service.deps.config.maxPredictBytes + 1);
    for (const request of [
      predict().set('content-type', 'image/jpeg').send(large),
      predict().attach('file', large, 'a.jpg'),
    ]) {
      const { status, body } = await request;
      expect([status, body.detail]).toEqual([
        413,
        expect.stringContaining(String(service.deps.config.maxPredictBytes)),
      ]);
    }
  });

  it('goes through an alias, which moves and goes with its model', async () => {
    expect((await predict('production').set('content-type', 'image/jpeg').send(red)).status).toBe(404);
    const put = await api().put('/v1/aliases/production').send({ model: id });
    expect([put.status, put.body]).toEqual([
      200,
      { object: 'alias', id: 'production', name: 'production', model: id, createdAt: put.body.createdAt },
    ]);
    expect((await api().put('/v1/aliases/x').send({ model: 'mdl_none' })).status).toBe(404);
    expect((await api().put(`/v1/aliases/${id}`).send({ model: id })).status).toBe(400);
    expect((await predict('production').set('content-type', 'image/jpeg').send(red)).body.model).toBe(id);
    expect((await api().get('/v1/aliases')).body.data.length).toBe(1);
    await api().delete(`/v1/models/production`).expect(404);
    await api().delete(`/v1/models/${id}`).expect(204);
    for (const reference of [id, 'production']) {
      const { status, body } = await predict(reference).set('content-type', 'image/jpeg').send(red);
      expect([status, body.code]).toEqual([404, 'not-found']);
    }
  });
});
