import { afterAll, beforeAll, expect, test } from 'vitest';
import { repositories } from '../../../src/db/index.js';
import { canTransition, HELD_STATES, isTerminal, JOB_STATES, TRANSITIONS } from '../../../src/domain/lifecycle.js';
import type { Repositories } from '../../../src/domain/ports.js';
import { storedProblem } from '../../../src/errors.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { bringTo, ground, newJob } from '../../support/records.js';

let db: TestDatabase;
let repos: Repositories;
let on: Awaited<ReturnType<typeof ground>>;
beforeAll(async () => {
  db = await testDatabase();
  repos = repositories(db);
  on = await ground(repos);
});
afterAll(() => db.close());

test('the table in SQL is the table of lifecycle.ts', async () => {
  const { rows } = await db.pool.query<{ f: string; t: string }>(
    'SELECT from_state AS f, to_state AS t FROM job_transition',
  );
  const wanted = JOB_STATES.flatMap((from) => TRANSITIONS[from].map((to) => `${from} ${to}`));
  expect(rows.map((row) => `${row.f} ${row.t}`).sort()).toEqual([...wanted].sort());
});

test.each(JOB_STATES)('from %s: SQL allows exactly what the table does, to every state', async (from) => {
  for (const to of JOB_STATES) {
    const job = newJob(on);
    await bringTo(repos, job, from);
    // Whatever the columns say, so that only the guard can refuse; the model of `succeeded` is never looked up.
    const error = to === 'failed' ? JSON.stringify(storedProblem('internal', 'x')) : null;
    const change = db.pool.query(
      `UPDATE job SET state = $2, error = $3, finished_at = CASE WHEN $4 THEN now() END,
         model_id = CASE WHEN $2 = 'succeeded' THEN (SELECT id FROM model LIMIT 1) ELSE model_id END WHERE id = $1`,
      [job.id, to, error, isTerminal(to)],
    );
    const allowed = !isTerminal(from) && (from === to || canTransition(from, to));
    if (to === 'succeeded' && allowed) {
      // A succeeded job has its model, so this way is publish's alone; its tests are below.
      await change.catch(() => undefined);
      continue;
    }
    const code = await change.then(
      () => 'done',
      (thrown: { code: string }) => thrown.code,
    );
    expect(`${from} -> ${to}: ${code}`).toBe(
      `${from} -> ${to}: ${allowed ? 'done' : isTerminal(from) ? 'GR001' : 'GR003'}`,
    );
    expect((await repos.jobs.byId(job.id))!.state).toBe(allowed ? to : from);
  }
});

test.each(['succeeded', 'failed', 'cancelled'] as const)('nothing of a %s job ever changes', async (state) => {
  const job = newJob(on);
  const attempt = await bringTo(repos, job, state);
  const before = (await db.pool.query('SELECT * FROM job WHERE id = $1', [job.id])).rows[0] as Record<string, unknown>;
  const { rows: columns } = await db.pool.query<{ name: string }>(
    `SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'job' ORDER BY 1`,
  );
  for (const { name } of columns) {
    await expect(db.pool.query(`UPDATE job SET "${name}" = "${name}" WHERE id = $1`, [job.id])).rejects.toMatchObject({
      code: 'GR001',
    });
  }
  const fence = { jobId: job.id, attempt };
  expect(await repos.jobs.heartbeat(fence)).toEqual({ held: false, intent: null });
  expect(await repos.jobs.update(fence, { metrics: { late: 1 } }, { type: 'log', message: 'late' })).toBe(false);
  expect(await repos.jobs.addMetrics(fence, [{ name: 'late', step: 1, value: 1 }])).toBe(false);
  for (const to of JOB_STATES) {
    expect(await repos.jobs.transition(fence, to, { type: 'state', message: 'late' })).toBe(false);
  }
  expect((await db.pool.query('SELECT * FROM job WHERE id = $1', [job.id])).rows[0]).toEqual(before);
  const events = await repos.jobs.events(job.id, 0n, 1000);
  expect(events.filter((event) => event.message === 'late')).toEqual([]);
});

test('an attempt number never falls', async () => {
  const job = newJob(on);
  await bringTo(repos, job, 'running');
  await expect(db.pool.query('UPDATE job SET attempt = 0 WHERE id = $1', [job.id])).rejects.toMatchObject({
    code: 'GR002',
  });
});

test('the whole way, and one event for each step, in order, with the fields that states imply', async () => {
  const job = newJob(on);
  await bringTo(repos, job, 'succeeded');
  const events = await repos.jobs.events(job.id, 0n, 100);
  expect(events.map((event) => event.data.state)).toEqual([
    'queued',
    'preparing',
    'running',
    'evaluating',
    'publishing',
    'succeeded',
  ]);
  expect(events.every((event, i) => i === 0 || event.seq > events[i - 1]!.seq)).toBe(true);
  const done = (await repos.jobs.get(job.projectId, job.id))!;
  expect(done).toMatchObject({ state: 'succeeded', attempt: 1, error: null, intent: null });
  expect(done.finishedAt).toBeInstanceOf(Date);
  expect(done.startedAt).toBeInstanceOf(Date);
});

test('what a user asks: at once for waiting jobs, as an intent for held ones, refused with words elsewhere', async () => {
  const expected = {
    cancel: (state: string) => (['queued', 'paused', 'cancelled'].includes(state) ? 'cancelled' : 'cancelling'),
    pause: (state: string) => (['queued', 'paused'].includes(state) ? 'paused' : 'pausing'),
    resume: () => 'queued',
    stop: (state: string) => state,
  };
  const possible = {
    cancel: JOB_STATES.filter((state) => state !== 'succeeded' && state !== 'failed') as readonly string[],
    pause: ['queued', 'paused', 'preparing', 'running', 'evaluating', 'pausing'],
    resume: ['paused'],
    stop: ['preparing', 'running'],
  };
  for (const action of ['cancel', 'pause', 'resume', 'stop'] as const) {
    for (const state of JOB_STATES) {
      const job = newJob(on);
      const attempt = await bringTo(repos, job, state);
      const before = (await repos.jobs.events(job.id, 0n, 100)).length;
      const asked = repos.jobs.request(job.projectId, job.id, action);
      if (!possible[action].includes(state)) {
        await expect(asked, `${action} ${state}`).rejects.toMatchObject({ code: 'state-conflict' });
        expect((await repos.jobs.byId(job.id))!.state).toBe(state);
        expect((await repos.jobs.events(job.id, 0n, 100)).length).toBe(before);
        continue;
      }
      const changed = await asked;
      expect(`${action} ${state}: ${changed.state}`).toBe(`${action} ${state}: ${expected[action](state)}`);
      if ((HELD_STATES as readonly string[]).includes(state) && changed.state !== state) {
        const { held, intent } = await repos.jobs.heartbeat({ jobId: job.id, attempt });
        expect({ held, intent }).toEqual({ held: true, intent: action });
      }
    }
  }
});
