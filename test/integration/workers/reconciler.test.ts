import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { repositories } from '../../../src/db/index.js';
import type { Repositories } from '../../../src/domain/ports.js';
import type { Enqueue } from '../../../src/queue/names.js';
import { createPace, type ReconcilerDeps, reconcile, startReconciler } from '../../../workers/reconciler.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { bringTo, ground, newJob } from '../../support/records.js';
import { until } from '../../support/until.js';

let db: TestDatabase;
let repos: Repositories;
let enqueued: string[];
let deps: ReconcilerDeps;

beforeEach(async () => {
  db = await testDatabase({ own: true });
  repos = repositories(db);
  enqueued = [];
  const enqueue: Enqueue = async (name, payload) => void enqueued.push(`${name} ${JSON.stringify(payload)}`);
  deps = {
    repositories: repos,
    enqueue,
    config: { workerSilentMs: 10_000, jobMaxAttempts: 3 },
    log: pino({ level: 'silent' }),
  };
});
const age = (id: string, column: string, seconds: number) =>
  db.pool.query(`UPDATE job SET ${column} = now() - make_interval(secs => $2) WHERE id = $1`, [id, seconds]);
const train = (jobId: string) => `job.train ${JSON.stringify({ jobId })}`;

describe('a pass', () => {
  it('delivers a queued job that is old enough to have been forgotten, and no other', async () => {
    const place = await ground(repos);
    const [old, young, held] = [newJob(place), newJob(place), newJob(place)];
    await bringTo(repos, old, 'queued');
    await bringTo(repos, young, 'queued');
    await bringTo(repos, held, 'running');
    await age(old.id, 'queued_at', 60);
    await reconcile(deps, createPace());
    expect(enqueued).toEqual([train(old.id)]);
  });

  it('queues and delivers the job of a worker that went silent, and fails it after its attempts', async () => {
    const place = await ground(repos);
    const job = newJob(place);
    await bringTo(repos, job, 'running');
    for (let attempt = 1; attempt <= 3; attempt++) {
      await age(job.id, 'heartbeat_at', 60);
      enqueued.length = 0;
      await reconcile(deps, createPace());
      if (attempt === 3) break;
      expect(enqueued).toEqual([train(job.id)]);
      expect((await repos.jobs.byId(job.id))?.state).toBe('queued');
      await repos.jobs.claim(job.id, `worker-${attempt}`);
    }
    expect(enqueued).toEqual([]);
    const failed = await repos.jobs.byId(job.id);
    expect(failed?.state).toBe('failed');
    expect(failed?.error?.code).toBe('worker-lost');
  });

  it('delivers checks that nobody took up', async () => {
    const { projectId } = await ground(repos);
    const dataset = await repos.datasets.create({
      id: 'ds_00000000000000000000000001',
      projectId,
      name: 'forgotten',
      task: 'image-classification',
    });
    await repos.datasets.startRevision(projectId, dataset.id, 'application/zip', 'uploads/1');
    await repos.datasets.uploaded(dataset.id, 1, { digest: `sha256:${'1'.repeat(64)}`, bytes: 1 });
    const base = await repos.bases.create({
      id: 'base_00000000000000000000000001',
      projectId,
      name: 'b',
      uploadKey: 'u',
    });
    await repos.bases.uploaded(base.id, { digest: `sha256:${'2'.repeat(64)}`, bytes: 1 });
    await reconcile(deps, createPace());
    expect(enqueued).toEqual([]);
    await reconcile(deps, createPace(), { forgotten: 0, stale: 0 });
    expect(enqueued.toSorted()).toEqual([
      `base.check ${JSON.stringify({ baseId: base.id })}`,
      `dataset.check ${JSON.stringify({ datasetId: dataset.id, revision: 1 })}`,
    ]);
  });
});

it('takes up at start what was given back, however young, and then passes again and again', async () => {
  const place = await ground(repos);
  const given = newJob(place);
  await bringTo(repos, given, 'queued');
  const reconciler = startReconciler(deps, 50);
  await until(() => expect(enqueued).toEqual([train(given.id)]));
  const lost = newJob(place);
  await bringTo(repos, lost, 'running');
  await age(lost.id, 'heartbeat_at', 60);
  await until(() => expect(enqueued).toContain(train(lost.id)));
  await reconciler.close();
});

it('goes on after a pass that failed', async () => {
  const place = await ground(repos);
  const job = newJob(place);
  await bringTo(repos, job, 'queued');
  let fails = 3;
  const reclaim: typeof repos.jobs.reclaim = async (...how) => {
    if (fails-- > 0) throw new Error('Postgres is away');
    return repos.jobs.reclaim(...how);
  };
  const reconciler = startReconciler({ ...deps, repositories: { ...repos, jobs: { ...repos.jobs, reclaim } } }, 20);
  await until(() => expect(enqueued).toEqual([train(job.id)]));
  await reconciler.close();
});

it('gives a job back once, however many processes are at it', async () => {
  const place = await ground(repos);
  const job = newJob(place);
  await bringTo(repos, job, 'running');
  await age(job.id, 'heartbeat_at', 60);
  await Promise.all([1, 2, 3, 4].map(() => reconcile(deps, createPace())));
  expect(enqueued).toEqual([train(job.id)]);
  const events = await repos.jobs.events(job.id, 0n, 100);
  expect(events.map(({ data }) => data.state)).toEqual(['queued', 'preparing', 'running', 'queued']);
});

it('enqueues a row that waits in line ever more rarely, and at once when it comes back', () => {
  const pace = createPace();
  const due = [{ key: 'a', enqueue: async () => undefined }];
  const at = [0, 3, 9, 10, 13, 29, 30, 69, 70].filter((second) => pace.take(due, second * 1000).length > 0);
  expect(at).toEqual([0, 10, 30, 70]);
  pace.take([], 71_000);
  expect(pace.take(due, 72_000)).toHaveLength(1);
});
