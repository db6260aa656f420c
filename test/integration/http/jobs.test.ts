import supertest from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BaseFacts, DatasetSummary, EngineReport } from '../../../src/domain/types.js';
import { storedProblem } from '../../../src/errors.js';
import { newId } from '../../../src/ids.js';
import { type TestService, testService } from '../../support/http.js';
import { bringTo, FACTS, ground, newJob } from '../../support/records.js';

let service: TestService;
beforeAll(async () => {
  service = await testService();
});
afterAll(() => service.close());
const api = () => supertest(service.url);

const MISSING: EngineReport = {
  ...{ executor: 'tensorflow', usable: false, version: null, device: null },
  ...{ reason: 'It is not installed: npm run engine:tensorflow', checkedAt: new Date() },
};
const labels = (...train: number[]) => train.map((n, i) => ({ name: `label-${i}`, train: n, validation: 1, test: 0 }));
const CUTS = [
  { tensor: 'features', kind: 'pooled', features: 8, default: true },
  { tensor: 'map', kind: 'map', features: 4, default: false },
];

/** A dataset and a base in the states asked for. */
async function standing(changes: { summary?: Partial<DatasetSummary>; facts?: Partial<BaseFacts> } = {}) {
  const { projectId, dataset, base } = await ground(service.repos);
  const summary = {
    examples: 8,
    splits: { train: 6, validation: 2, test: 0 },
    rejected: 0,
    duplicates: 0,
    leaks: 0,
    labels: labels(3, 3),
    ...changes.summary,
  };
  await service.db.pool.query('UPDATE dataset_revision SET summary = $2 WHERE dataset_id = $1', [
    dataset,
    JSON.stringify(summary),
  ]);
  await service.db.pool.query('UPDATE base SET facts = $2 WHERE id = $1', [
    base,
    JSON.stringify({ ...FACTS, cuts: CUTS, ...changes.facts }),
  ]);
  return { projectId, dataset, base };
}
const post = (body: object) =>
  api()
    .post('/v1/jobs')
    .send({ task: 'image-classification', ...body });

describe('creating', () => {
  it('with half a surrogate pair or a NUL in what is kept says so, and makes no job', async () => {
    const { dataset, base } = await standing();
    for (const [bad, words] of [
      ['\ud800', 'half of a surrogate pair'],
      ['\0', 'NUL (U+0000)'],
    ]) {
      const { status, body } = await post({ dataset, base, metadata: { ticket: `A${bad}17` } });
      expect([status, body.code]).toEqual([400, 'request-invalid']);
      expect(body.detail).toContain(words);
      expect(body.errors[0].path).toBe('/metadata/ticket');
    }
  });

  it('without a base takes the one that came with the installation, once that is checked', async () => {
    const { projectId, dataset } = await standing();
    const { bases } = service.repos;
    const id = newId('base');
    const digest = `sha256:${'1'.repeat(64)}`;
    await bases.create({ id, projectId, name: 'photo-small', uploadKey: `uploads/${id}`, bundled: true });
    await bases.uploaded(id, { digest, bytes: 1 });
    const early = await post({ dataset });
    expect([early.status, early.body.code, early.headers['retry-after']]).toEqual([409, 'base-not-ready', '1']);
    const facts = { ...FACTS, cuts: CUTS };
    await bases.checked(id, { state: 'ready', digest, bytes: 1, blobKey: `bases/${digest}`, facts });
    const { body } = await post({ dataset });
    expect(body.base).toEqual({ id, digest });
    await api().post(`/v1/jobs/${body.id}/cancel`).expect(202);
    // Newer, but for texts, which is known before its check has ended.
    const other = newId('base');
    await bases.create({ id: other, projectId, name: 'text-small', uploadKey: `uploads/${other}`, bundled: true });
    await bases.uploaded(other, { digest: `sha256:${'2'.repeat(64)}`, bytes: 1 });
    const again = await post({ dataset });
    expect(again.body.base).toEqual({ id, digest });
    await api().post(`/v1/jobs/${again.body.id}/cancel`).expect(202);
    await bases.delete(projectId, id);
    const gone = await post({ dataset });
    expect([gone.status, gone.body.code, gone.body.errors[0].path]).toEqual([422, 'job-impossible', '/base']);
  });

  it('writes the row, then tells the queue; pins dataset revision and base digest', async () => {
    const { dataset, base } = await standing();
    const { status, body, headers } = await post({
      dataset,
      base,
      name: 'n',
      hyperparameters: { seed: 3, batchSize: 16 },
      validation: { fraction: 0.25 },
      metadata: { ticket: 'A-17' },
    });
    expect([status, headers.location]).toEqual([202, `/v1/jobs/${body.id}`]);
    expect(body).toEqual({
      ...{ object: 'job', id: body.id, name: 'n', state: 'queued', attempt: 0, task: 'image-classification' },
      dataset: { id: dataset, revision: 1 },
      base: { id: base, digest: expect.stringMatching(/^sha256:/) },
      method: { type: 'featureExtraction', cut: 'features' },
      hyperparameters: {
        epochs: 'auto',
        learningRate: 'auto',
        batchSize: 16,
        weightDecay: 'auto',
        labelSmoothing: 'auto',
        seed: 3,
      },
      ...{ validation: { fraction: 0.25 }, metadata: { ticket: 'A-17' }, progress: null, metrics: {}, engine: null },
      memory: null,
      ...{ model: null, retryOf: null, error: null, createdAt: body.createdAt, startedAt: null, finishedAt: null },
    });
    expect(service.delivered.at(-1)).toEqual({ name: 'job.train', payload: { jobId: body.id } });
    expect((await api().get(`/v1/jobs/${body.id}`)).body).toEqual(body);
  });

  it('tells what the workers can train on, and takes a job for an engine that one of them has or may yet come', async () => {
    const { dataset, base } = await standing();
    const job = { task: 'image-classification', dataset, base, engine: 'tensorflow' };
    // Nobody has been heard of: a worker that has it may be starting.
    expect((await api().post('/v1/jobs').send(job)).status).toBe(202);
    await service.repos.engines.report('w', [MISSING]);
    const { body } = await api().get('/v1/engines');
    expect(body).toEqual({
      object: 'list',
      data: [{ object: 'engine', worker: 'w', ...MISSING, checkedAt: MISSING.checkedAt.toISOString() }],
    });
    const refused = await api().post('/v1/jobs').send(job);
    expect(refused.status).toBe(422);
    expect(refused.body.detail).toContain('npm run engine:tensorflow');
    const usable = { ...MISSING, usable: true, version: '2.18.1', device: 'cpu', reason: null };
    await service.repos.engines.report('other', [usable]);
    expect((await api().post('/v1/jobs').send(job)).status).toBe(202);
    await service.repos.engines.leave('other');
    expect((await api().get('/v1/engines')).body.data).toHaveLength(1);
    expect(
      (
        await api()
          .post('/v1/jobs')
          .send({ ...job, engine: 'onnxruntime' })
      ).status,
    ).toBe(202);
  });

  it('refuses in words what cannot be run', async () => {
    await service.repos.engines.report('w', [MISSING]);
    const { dataset, base } = await standing();
    const unfit = await standing({ facts: { tasks: [], notes: ['It takes no picture.'] } });
    const small = await standing({ summary: { labels: labels(3, 1) } });
    const single = await standing({ summary: { labels: labels(6) } });
    const mixed = { method: { type: 'fineTuning' }, hyperparameters: { precision: 'mixed' } } as const;
    const cases: [object, number, string, string?][] = [
      [{ dataset: 'ds_none', base }, 422, 'job-impossible', '/dataset'],
      [{ dataset, base: 'none' }, 422, 'job-impossible', '/base'],
      [{ dataset }, 422, 'job-impossible', '/base'],
      [{ dataset, base, method: { type: 'scratch', layers: 2 } }, 422, 'job-impossible', '/method/layers'],
      [{ dataset, base, method: { type: 'fineTuning', layers: 0 } }, 400, 'request-invalid', '/method/layers'],
      [{ dataset, base, hyperparameters: { patience: 3 } }, 422, 'job-impossible', '/hyperparameters/patience'],
      [
        { dataset, base, method: { type: 'fineTuning' }, hyperparameters: { optimizer: 'lion' } },
        400,
        'request-invalid',
        '/hyperparameters/optimizer',
      ],
      [{ dataset, base, method: { type: 'featureExtraction', cut: 'nose' } }, 422, 'job-impossible', '/method/cut'],
      [
        { dataset, base, hyperparameters: { classWeights: { 'label-0': 2, 'a/b': 3 } } },
        422,
        'job-impossible',
        '/hyperparameters/classWeights/a~1b',
      ],
      [{ dataset, base, engine: 'tensorflow' }, 422, 'job-impossible', '/engine'],
      [{ dataset, base, ...mixed }, 422, 'job-impossible', '/hyperparameters/precision'],
      [{ dataset, base, ...mixed, engine: 'onnxruntime' }, 422, 'job-impossible', '/hyperparameters/precision'],
      [{ dataset, base, hyperparameters: mixed.hyperparameters }, 422, 'job-impossible', '/hyperparameters/precision'],
      [{ dataset, base, task: 'translation' }, 422, 'job-impossible', '/task'],
      [{ dataset, base, validation: { fraction: 1 } }, 400, 'request-invalid', '/validation/fraction'],
      [{ dataset, base: unfit.base }, 422, 'base-unfit'],
      [{ dataset: small.dataset, base }, 422, 'dataset-invalid', 'label-1'],
      [{ dataset: single.dataset, base }, 422, 'dataset-invalid', ''],
    ];
    const before = service.delivered.length;
    for (const [body, status, code, path] of cases) {
      const answer = await post(body);
      expect([body, answer.status, answer.body.code, answer.body.errors?.[0].path]).toEqual([body, status, code, path]);
    }
    expect((await post({ dataset })).body.detail).toContain(base);
    expect((await post({ dataset, base, ...mixed, engine: 'onnxruntime' })).body.detail).toMatch(/float32 only/);
    expect((await post({ dataset, base, method: { type: 'featureExtraction', cut: 'nose' } })).body.detail).toContain(
      "'map'",
    );
    expect(service.delivered.length).toBe(before);
  });

  it('waits for what is being checked and refuses what is invalid', async () => {
    const { dataset, base } = await standing();
    const fresh = newId('ds');
    await service.repos.datasets.create({
      id: fresh,
      projectId: service.deps.projectId,
      name: 'x',
      task: 'image-classification',
    });
    await service.repos.datasets.startRevision(service.deps.projectId, fresh, 'application/zip', 'uploads/x/1');
    await service.repos.datasets.uploaded(fresh, 1, { digest: `sha256:${'1'.repeat(64)}`, bytes: 1 });
    const early = await post({ dataset: fresh, base });
    expect([early.status, early.body.code, early.headers['retry-after']]).toEqual([409, 'dataset-not-ready', '1']);
    const error = storedProblem('dataset-invalid', 'None of it can be read.', [
      { path: 'a.jpg', code: 'image-truncated', detail: 'ends early' },
    ]);
    await service.repos.datasets.checked(fresh, 1, { state: 'invalid', error, summary: null, report: null });
    const late = await post({ dataset: fresh, base });
    expect([late.status, late.body.code, late.body.detail, late.body.errors]).toEqual([
      422,
      'dataset-invalid',
      error.detail,
      error.errors,
    ]);
    expect((await api().get(`/v1/datasets/${fresh}`)).body.error).toEqual(error);
    expect((await api().get(`/v1/datasets/${fresh}/report`)).body).toMatchObject({
      state: 'invalid',
      error,
      rejected: [],
    });
    await service.db.pool.query("UPDATE base SET state = 'checking' WHERE id = $1", [base]);
    expect((await post({ dataset, base })).body.code).toBe('base-not-ready');
  });

  it('keeps what others stand on', async () => {
    const { dataset, base } = await standing();
    const { body } = await post({ dataset, base });
    for (const path of [`/v1/datasets/${dataset}`, `/v1/bases/${base}`]) {
      const answer = await api().delete(path);
      expect([path, answer.status, answer.body.code]).toEqual([path, 409, 'in-use']);
      expect(answer.body.detail).toContain(body.id);
    }
    await api().post(`/v1/jobs/${body.id}/cancel`).expect(202);
    await api().delete(`/v1/datasets/${dataset}`).expect(204);
    await api().delete(`/v1/bases/${base}`).expect(204);
  });
});

describe('actions', () => {
  it('pauses, resumes (through the queue) and cancels', async () => {
    const { dataset, base } = await standing();
    const { body } = await post({ dataset, base });
    const act = async (action: string) => {
      const answer = await api().post(`/v1/jobs/${body.id}/${action}`);
      return [answer.status, answer.body.state ?? answer.body.code];
    };
    expect(await act('pause')).toEqual([202, 'paused']);
    const before = service.delivered.length;
    expect(await act('resume')).toEqual([202, 'queued']);
    expect(service.delivered.slice(before)).toEqual([{ name: 'job.train', payload: { jobId: body.id } }]);
    expect(await act('stop')).toEqual([409, 'state-conflict']);
    expect(await act('cancel')).toEqual([202, 'cancelled']);
    expect(await act('resume')).toEqual([409, 'state-conflict']);
    expect(await act('retry')).toEqual([409, 'state-conflict']);
    const none = await api().post('/v1/jobs/job_none/cancel');
    expect([none.status, none.body.detail]).toEqual([404, "There is no job 'job_none'."]);
  });

  it('retries a failed job as a new one, which a repeated request finds again', async () => {
    const on = await standing();
    const failed = newJob(on);
    await bringTo(service.repos, failed, 'failed');
    const retry = () => api().post(`/v1/jobs/${failed.id}/retry`).set('idempotency-key', failed.id);
    const { status, body, headers } = await retry();
    expect([status, body.state, body.retryOf, headers.location]).toEqual([
      202,
      'queued',
      failed.id,
      `/v1/jobs/${body.id}`,
    ]);
    expect(body.id).not.toBe(failed.id);
    expect((await retry()).body).toEqual(body);
    const other = { hyperparameters: { learningRate: 0.001 } };
    const changed = await api().post(`/v1/jobs/${failed.id}/retry`).send(other);
    expect([changed.status, changed.body.hyperparameters]).toEqual([
      202,
      { ...body.hyperparameters, learningRate: 0.001 },
    ]);
    // What was asked for under one key is not answered with what was asked for otherwise.
    expect((await retry().send(other)).body.code).toBe('idempotency-conflict');
    const wrong = await api()
      .post(`/v1/jobs/${failed.id}/retry`)
      .send({ hyperparameters: { microBatch: 4 } });
    expect([wrong.status, wrong.body.errors[0].path]).toEqual([422, '/hyperparameters/microBatch']);
    const old = (await api().get(`/v1/jobs/${failed.id}`)).body;
    expect([old.state, old.error.code, old.error.status]).toEqual(['failed', 'internal', undefined]);
  });
});

describe('lists', () => {
  it('pages by cursor, newest first, by state', async () => {
    const on = await standing();
    const made: string[] = [];
    for (let i = 0; i < 5; i++) {
      const job = newJob(on);
      await bringTo(service.repos, job, 'cancelled');
      made.unshift(job.id);
    }
    const seen: string[] = [];
    let after = '';
    do {
      const { body } = await api().get(`/v1/jobs?state=cancelled&limit=2${after}`);
      expect(body.hasMore).toBe(body.nextCursor !== null);
      seen.push(...body.data.map((job: { id: string }) => job.id));
      after = body.nextCursor === null ? '' : `&after=${body.nextCursor}`;
    } while (after !== '');
    expect(seen.slice(0, 5)).toEqual(made);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual([...seen].sort().reverse());
  });
});
