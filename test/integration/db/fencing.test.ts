import { afterAll, beforeAll, expect, test } from 'vitest';
import { repositories } from '../../../src/db/index.js';
import { JOB_STATES } from '../../../src/domain/lifecycle.js';
import type { Repositories } from '../../../src/domain/ports.js';
import { storedProblem } from '../../../src/errors.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { bringTo, ground, newJob, newModel } from '../../support/records.js';

let db: TestDatabase;
let repos: Repositories;
let on: Awaited<ReturnType<typeof ground>>;
beforeAll(async () => {
  db = await testDatabase({ max: 20 });
  repos = repositories(db);
  on = await ground(repos);
});
afterAll(() => db.close());

const snapshot = async (id: string) => ({
  job: (await db.pool.query('SELECT * FROM job WHERE id = $1', [id])).rows,
  events: (await db.pool.query('SELECT * FROM event WHERE job_id = $1 ORDER BY seq', [id])).rows,
  metrics: (await db.pool.query('SELECT * FROM metric WHERE job_id = $1 ORDER BY seq', [id])).rows,
  models: (await db.pool.query('SELECT * FROM model WHERE job_id = $1', [id])).rows,
});
const age = (id: string, seconds = 3600) =>
  db.pool.query('UPDATE job SET heartbeat_at = now() - make_interval(secs => $2) WHERE id = $1', [id, seconds]);

test('of many workers that claim one job, one gets it', async () => {
  for (let round = 0; round < 5; round++) {
    const job = newJob(on);
    await repos.jobs.create(job);
    const claims = await Promise.all(Array.from({ length: 20 }, (_, i) => repos.jobs.claim(job.id, `w${i}`)));
    const won = claims.filter((claim) => claim !== null);
    expect(won).toHaveLength(1);
    expect(won[0]).toMatchObject({ state: 'preparing', attempt: 1 });
    expect((await repos.jobs.events(job.id, 0n, 100)).map((event) => event.data.state)).toEqual([
      'queued',
      'preparing',
    ]);
  }
});

test('a job that is not queued is not claimed', async () => {
  for (const state of JOB_STATES.filter((state) => state !== 'queued')) {
    const job = newJob(on);
    await bringTo(repos, job, state);
    const before = await snapshot(job.id);
    expect(await repos.jobs.claim(job.id, 'late')).toBeNull();
    expect(await snapshot(job.id)).toEqual(before);
  }
});

test('no write of an older attempt changes anything, in any state of the newer one', async () => {
  for (const state of ['preparing', 'running', 'evaluating', 'publishing'] as const) {
    const job = newJob(on);
    await repos.jobs.create(job);
    const old = { jobId: job.id, attempt: (await repos.jobs.claim(job.id, 'old'))!.attempt };
    await age(job.id);
    expect(await repos.jobs.reclaim(60_000, 5)).toContain(job.id);
    const fresh = { jobId: job.id, attempt: (await repos.jobs.claim(job.id, 'new'))!.attempt };
    expect(fresh.attempt).toBe(old.attempt + 1);
    const way = ['running', 'evaluating', 'publishing'] as const;
    for (const step of way.slice(0, way.indexOf(state as (typeof way)[number]) + 1)) {
      expect(await repos.jobs.transition(fresh, step, { type: 'state', message: step })).toBe(true);
    }
    const before = await snapshot(job.id);
    const error = storedProblem('internal', 'x');
    expect(await repos.jobs.heartbeat(old)).toEqual({ held: false, intent: null });
    for (const to of JOB_STATES) {
      expect(await repos.jobs.transition(old, to, { type: 'state', message: 'late' }, { error })).toBe(false);
    }
    expect(await repos.jobs.update(old, { metrics: { late: 1 }, progress: null })).toBe(false);
    expect(await repos.jobs.update(old, {}, { type: 'log', message: 'late' })).toBe(false);
    expect(await repos.jobs.addMetrics(old, [{ name: 'late', step: 1, value: 1 }])).toBe(false);
    expect(await repos.jobs.addMetrics(old, [])).toBe(false);
    expect(await repos.jobs.publish(old, newModel(job), { late: 1 })).toBe(false);
    expect(await snapshot(job.id)).toEqual(before);
  }
});

test('a worker that lost its job writes nothing while the job waits for the next one', async () => {
  const job = newJob(on);
  const attempt = await bringTo(repos, job, 'running');
  await age(job.id);
  await repos.jobs.reclaim(60_000, 5);
  const before = await snapshot(job.id);
  const fence = { jobId: job.id, attempt };
  expect(await repos.jobs.heartbeat(fence)).toEqual({ held: false, intent: null });
  expect(await repos.jobs.update(fence, { metrics: { late: 1 } }, { type: 'log', message: 'late' })).toBe(false);
  expect(await repos.jobs.addMetrics(fence, [{ name: 'late', step: 1, value: 1 }])).toBe(false);
  // It still has the newest attempt number, yet only a claim leads out of `queued` into a held state.
  for (const to of JOB_STATES) {
    expect(await repos.jobs.transition(fence, to, { type: 'state', message: 'late' })).toBe(false);
  }
  expect(await snapshot(job.id)).toEqual(before);
});

test('publishing is all or nothing', async () => {
  const job = newJob(on);
  const attempt = await bringTo(repos, job, 'publishing');
  const before = await snapshot(job.id);
  const examples = Array.from({ length: 7001 }, (_, index) => ({
    index,
    path: `${index}.jpg`,
    split: 'validation' as const,
    actual: 'ants',
    predicted: 'bees',
    probability: 0.75,
    probabilities: [0.25, 0.75],
    excerpt: index % 2 === 0 ? null : `text ${index}`,
  }));
  const broken = newModel(job, { examples: [...examples, { ...examples[0]!, path: 'twice.jpg' }] });
  await expect(repos.jobs.publish({ jobId: job.id, attempt }, broken, {})).rejects.toThrow();
  expect(await snapshot(job.id)).toEqual(before);
  expect(await repos.models.find(job.projectId, broken.id)).toBeNull();

  const model = newModel(job, { examples });
  expect(await repos.jobs.publish({ jobId: job.id, attempt }, model, { 'validation/accuracy': 0.9 })).toBe(true);
  const done = await repos.jobs.get(job.projectId, job.id);
  expect(done).toMatchObject({ state: 'succeeded', modelId: model.id, metrics: { 'validation/accuracy': 0.9 } });
  const { evaluation, examples: _, ...visible } = model;
  expect(await repos.models.find(job.projectId, model.id)).toMatchObject(visible);
  expect(await repos.models.evaluation(model.id)).toEqual(evaluation);
  const page = await repos.models.evaluationExamples(model.id, { actual: 'ants', predicted: 'bees' }, { limit: 2 });
  expect(page.data).toEqual(examples.slice(0, 2));
  expect(await repos.jobs.publish({ jobId: job.id, attempt }, newModel(job), {})).toBe(false);
});

test('reclaim gives silent jobs back, ends what was being ended, and gives up after the last attempt', async () => {
  const cases = {
    preparing: 'queued',
    running: 'queued',
    evaluating: 'queued',
    publishing: 'queued',
    pausing: 'paused',
    cancelling: 'cancelled',
  } as const;
  for (const [from, to] of Object.entries(cases)) {
    const job = newJob(on);
    await bringTo(repos, job, from as keyof typeof cases);
    expect(await repos.jobs.reclaim(60_000, 5)).not.toContain(job.id);
    expect((await repos.jobs.byId(job.id))!.state).toBe(from);
    await age(job.id);
    const before = (await repos.jobs.events(job.id, 0n, 100)).length;
    const queued = (await Promise.all([repos.jobs.reclaim(60_000, 5), repos.jobs.reclaim(60_000, 5)])).flat();
    expect(queued.filter((id) => id === job.id)).toHaveLength(to === 'queued' ? 1 : 0);
    expect((await repos.jobs.byId(job.id))!.state).toBe(to);
    expect((await repos.jobs.events(job.id, 0n, 100)).length).toBe(before + 1);
  }
  const job = newJob(on);
  await repos.jobs.create(job);
  for (let attempt = 1; attempt <= 3; attempt++) {
    expect((await repos.jobs.claim(job.id, 'w'))!.attempt).toBe(attempt);
    await age(job.id);
    expect(await repos.jobs.reclaim(60_000, 3)).toEqual(attempt < 3 ? [job.id] : []);
  }
  expect(await repos.jobs.byId(job.id)).toMatchObject({ state: 'failed', error: { code: 'worker-lost' } });
});

test('forgotten names what has been queued for long, and nothing else', async () => {
  const job = newJob(on);
  await repos.jobs.create(job);
  expect(await repos.jobs.forgotten(60_000)).not.toContain(job.id);
  await db.pool.query(`UPDATE job SET queued_at = now() - interval '1 hour' WHERE id = $1`, [job.id]);
  expect(await repos.jobs.forgotten(60_000)).toContain(job.id);
  await repos.jobs.claim(job.id, 'w');
  expect(await repos.jobs.forgotten(60_000)).not.toContain(job.id);
});

test('metrics: a step sent twice counts once, by name and after a cursor', async () => {
  const job = newJob(on);
  const fence = { jobId: job.id, attempt: await bringTo(repos, job, 'running') };
  const points = [1, 2, 3].map((step) => ({ name: 'train/loss', step, value: 1 / step }));
  expect(await repos.jobs.addMetrics(fence, points)).toBe(true);
  // In one statement too, as a run sends that begins again at once.
  const twice = [9, 5].map((value) => ({ name: 'other', step: 1, value }));
  expect(await repos.jobs.addMetrics(fence, [...points.slice(2), ...twice])).toBe(true);
  expect(await repos.jobs.addMetrics(fence, [])).toBe(true);
  const loss = await repos.jobs.metrics(job.id, 'train/loss', 0n, 100);
  expect(loss.map(({ step, value }) => ({ step, value }))).toEqual(points.map(({ step, value }) => ({ step, value })));
  const rest = await repos.jobs.metrics(job.id, undefined, loss[2]!.seq, 100);
  expect(rest.map(({ name, value }) => [name, value])).toEqual([['other', 5]]);
});
