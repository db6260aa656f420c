import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_PROJECT_ID, repositories } from '../../../src/db/index.js';
import type { Page, PageRequest, Repositories } from '../../../src/domain/ports.js';
import type { Example } from '../../../src/domain/types.js';
import { storedProblem } from '../../../src/errors.js';
import { newId } from '../../../src/ids.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { bringTo, ground, newJob, newModel, otherProject } from '../../support/records.js';

let db: TestDatabase;
let repos: Repositories;
let on: Awaited<ReturnType<typeof ground>>;
beforeAll(async () => {
  db = await testDatabase({ max: 20 });
  repos = repositories(db);
  on = await ground(repos);
});
afterAll(() => db.close());

async function everything<T>(list: (page: PageRequest) => Promise<Page<T>>, between: () => Promise<void>) {
  const found: T[] = [];
  for (let after: string | null = null; ; ) {
    const page: Page<T> = await list({ limit: 3, ...(after === null ? {} : { after }) });
    found.push(...page.data);
    if (page.nextCursor === null) return found;
    after = page.nextCursor;
    await between();
  }
}
const example = (index: number, extra: Partial<Example> = {}): Example => ({
  index,
  path: `train/ants/${index}.jpg`,
  label: index % 2 === 0 ? 'ants' : 'bees',
  split: 'train',
  offset: index * 1000,
  bytes: 1000,
  digest: `sha256:${String(index).padStart(64, '0')}`,
  width: 640,
  height: 480,
  problem: null,
  ...extra,
});

test('pages are newest first, whole and without repeats while others add', async () => {
  const project = await otherProject(db);
  const stand = await ground(repos, project);
  const jobs = Array.from({ length: 10 }, () => newJob(stand));
  for (const job of jobs) await repos.jobs.create(job);
  const wanted = jobs.map((job) => job.id).reverse();
  const listed = await everything(
    (page) => repos.jobs.list(project, {}, page),
    async () => void (await repos.jobs.create(newJob(stand))),
  );
  expect(listed.map((job) => job.id)).toEqual(wanted);

  const datasets = Array.from({ length: 7 }, () => newId('ds'));
  for (const id of datasets) {
    await repos.datasets.create({ id, projectId: project, name: id, task: 'image-classification' });
  }
  const more = await everything(
    (page) => repos.datasets.list(project, page),
    async () => undefined,
  );
  expect(more.map((dataset) => dataset.id)).toEqual([...datasets.reverse(), stand.dataset]);
  expect((await repos.jobs.list(project, { state: 'running' }, { limit: 100 })).data).toEqual([]);
});

test.each([
  'x',
  '',
  Buffer.from("'; drop table job").toString('base64url'),
  Buffer.from('9'.repeat(30)).toString('base64url'),
])('the cursor %j is refused as request-invalid by every list', async (after) => {
  const page = { limit: 3, after };
  for (const list of [
    () => repos.jobs.list(on.projectId, {}, page),
    () => repos.datasets.list(on.projectId, page),
    () => repos.bases.list(on.projectId, page),
    () => repos.models.list(on.projectId, page),
    () => repos.keys.list(on.projectId, page),
    () => repos.datasets.listExamples(on.dataset, 1, {}, page),
    () => repos.models.evaluationExamples('mdl_x', {}, page),
  ]) {
    await expect(list()).rejects.toMatchObject({ code: 'request-invalid' });
  }
});

test("another project's things are not found and cannot be changed", async () => {
  const other = await otherProject(db);
  const job = newJob(on);
  await bringTo(repos, job, 'succeeded');
  const running = newJob(on);
  await bringTo(repos, running, 'running');
  const model = (await repos.jobs.byId(job.id))!.modelId!;
  await repos.models.setAlias(on.projectId, 'production', model);
  const base = (await repos.bases.byId(on.base))!;

  expect(await repos.jobs.get(other, job.id)).toBeNull();
  expect(await repos.datasets.get(other, on.dataset)).toBeNull();
  for (const reference of [base.id, base.name, base.digest!]) {
    expect(await repos.bases.find(other, reference)).toBeNull();
    expect((await repos.bases.find(on.projectId, reference))?.digest).toBe(base.digest);
  }
  for (const reference of [model, 'production']) {
    expect(await repos.models.find(other, reference)).toBeNull();
    expect((await repos.models.find(on.projectId, reference))?.id).toBe(model);
  }
  for (const action of ['cancel', 'pause', 'resume', 'stop'] as const) {
    await expect(repos.jobs.request(other, running.id, action)).rejects.toMatchObject({ code: 'not-found' });
  }
  expect(await repos.jobs.byId(running.id)).toMatchObject({ state: 'running', intent: null });
  await expect(repos.datasets.startRevision(other, on.dataset, 'application/zip', 'k')).rejects.toMatchObject({
    code: 'not-found',
  });
  await expect(repos.models.setAlias(other, 'mine', model)).rejects.toMatchObject({ code: 'not-found' });
  expect(await repos.datasets.delete(other, on.dataset)).toBe(false);
  expect(await repos.bases.delete(other, on.base)).toBe(false);
  expect(await repos.models.delete(other, model)).toBe(false);
  expect(await repos.models.deleteAlias(other, 'production')).toBe(false);
  expect(await repos.models.aliases(other)).toEqual([]);
  for (const list of [repos.datasets.list, repos.bases.list, repos.models.list, repos.keys.list]) {
    expect((await list(other, { limit: 100 })).data).toEqual([]);
  }
  expect((await repos.jobs.list(other, {}, { limit: 100 })).data).toEqual([]);
  expect(await repos.models.find(on.projectId, 'production')).not.toBeNull();
  await repos.jobs.request(on.projectId, running.id, 'cancel');
});

test('what a job stands on is not deleted; a deleted model takes its aliases along', async () => {
  const stand = await ground(repos);
  const job = newJob(stand);
  await bringTo(repos, job, 'publishing');
  await expect(repos.datasets.delete(stand.projectId, stand.dataset)).rejects.toMatchObject({ code: 'in-use' });
  await expect(repos.bases.delete(stand.projectId, stand.base)).rejects.toMatchObject({ code: 'in-use' });
  const model = newModel(job);
  await repos.jobs.publish({ jobId: job.id, attempt: 1 }, model, {});
  await repos.models.setAlias(stand.projectId, 'staging', model.id);
  expect(await repos.models.delete(stand.projectId, model.id)).toBe(true);
  expect(await repos.models.delete(stand.projectId, model.id)).toBe(false);
  expect(await repos.models.find(stand.projectId, 'staging')).toBeNull();
  expect(await repos.models.find(stand.projectId, model.id)).toBeNull();
  expect(await repos.datasets.delete(stand.projectId, stand.dataset)).toBe(true);
  expect(await repos.datasets.get(stand.projectId, stand.dataset)).toBeNull();
});

test('names of bases are unique while they live', async () => {
  const [one, two] = [newId('base'), newId('base')];
  const add = (id: string) => repos.bases.create({ id, projectId: on.projectId, name: 'unique', uploadKey: id });
  const both = await Promise.allSettled([add(one), add(two)]);
  expect(both.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
  await expect(add(newId('base'))).rejects.toMatchObject({ code: 'name-taken' });
  const kept = (await repos.bases.find(on.projectId, 'unique'))!;
  expect(await repos.bases.delete(on.projectId, kept.id)).toBe(true);
  await add(newId('base'));
});

test('revisions: the newest is shown, an abandoned one gives way to the one before, a late check is left alone', async () => {
  const { dataset, projectId } = await ground(repos);
  const second = await repos.datasets.startRevision(projectId, dataset, 'application/zip', 'k2');
  expect(second).toMatchObject({ number: 2, state: 'receiving' });
  expect((await repos.datasets.get(projectId, dataset))!).toMatchObject({
    state: 'receiving',
    revision: { number: 2 },
  });
  await repos.datasets.abandonRevision(dataset, 2);
  expect((await repos.datasets.get(projectId, dataset))!).toMatchObject({ state: 'ready', revision: { number: 1 } });
  const error = storedProblem('dataset-invalid', 'late');
  expect(await repos.datasets.checked(dataset, 1, { state: 'invalid', error, summary: null, report: null })).toBe(
    false,
  );
  expect((await repos.datasets.get(projectId, dataset))!.state).toBe('ready');

  const fresh = newId('ds');
  await repos.datasets.create({ id: fresh, projectId, name: 'x', task: 'image-classification' });
  await repos.datasets.startRevision(projectId, fresh, 'application/zip', 'k');
  await repos.datasets.abandonRevision(fresh, 1);
  expect(await repos.datasets.get(projectId, fresh)).toBeNull();
});

test('revisions started at the same time get numbers of their own', async () => {
  const { dataset, projectId } = await ground(repos);
  const started = await Promise.all(
    Array.from({ length: 6 }, (_, i) => repos.datasets.startRevision(projectId, dataset, 'application/zip', `k${i}`)),
  );
  expect(started.map((revision) => revision.number).sort()).toEqual([2, 3, 4, 5, 6, 7]);
});

test('fifty thousand examples: in, twice, filtered, paged and out', async () => {
  const { dataset } = await ground(repos);
  const many = Array.from({ length: 50_000 }, (_, index) =>
    example(index, index % 1000 === 7 ? { bytes: 0, problem: { code: 'image-truncated', detail: 'ends early' } } : {}),
  );
  const begin = performance.now();
  await repos.datasets.addExamples(dataset, 1, many);
  const seconds = (performance.now() - begin) / 1000;
  await repos.datasets.addExamples(dataset, 1, many.slice(0, 10));
  const back = await repos.datasets.examples(dataset, 1);
  expect(back).toHaveLength(49_950);
  expect(back[0]).toEqual(many[0]);
  expect(back.every((row, i) => i === 0 || row.index > back[i - 1]!.index)).toBe(true);
  const bad = await repos.datasets.listExamples(dataset, 1, { problem: true }, { limit: 100 });
  expect(bad.data).toHaveLength(50);
  expect(bad.data[0]).toEqual(many[7]);
  expect(bad.nextCursor).toBeNull();
  const none = await repos.datasets.listExamples(dataset, 1, { problem: 'image-bomb' }, { limit: 5 });
  expect(none.data).toEqual([]);
  const first = await repos.datasets.listExamples(dataset, 1, { label: 'bees', problem: false }, { limit: 5 });
  const next = await repos.datasets.listExamples(
    dataset,
    1,
    { label: 'bees', problem: false },
    { limit: 5, after: first.nextCursor! },
  );
  expect([...first.data, ...next.data].map((row) => row.index)).toEqual([1, 3, 5, 9, 11, 13, 15, 17, 19, 21]);
  await repos.datasets.clearExamples(dataset, 1);
  expect(await repos.datasets.examples(dataset, 1)).toEqual([]);
  // A wide margin over the second or so that it takes, so that only a statement per row would miss it.
  expect(seconds).toBeLessThan(15);
});

test('idempotency: one of many goes on, then all get its answer; another body conflicts; released or old keys are free', async () => {
  const answer = { status: 202, headers: { location: '/v1/jobs/x' }, body: '{"ä":1}' };
  const begin = (fingerprint = 'a', key = 'k') => repos.idempotency.begin(DEFAULT_PROJECT_ID, key, fingerprint);
  const all = await Promise.all(Array.from({ length: 10 }, () => begin()));
  expect(all.map((one) => one.kind).sort()).toEqual([...Array.from({ length: 9 }, () => 'busy'), 'fresh']);
  expect(await begin('b')).toEqual({ kind: 'conflict' });
  await repos.idempotency.finish(DEFAULT_PROJECT_ID, 'k', answer);
  expect(await begin()).toEqual({ kind: 'replay', answer });
  await repos.idempotency.release(DEFAULT_PROJECT_ID, 'k');
  expect(await begin()).toEqual({ kind: 'replay', answer });
  expect(await repos.idempotency.begin(await otherProject(db), 'k', 'b')).toEqual({ kind: 'fresh' });
  await db.pool.query(`UPDATE idempotency_key SET created_at = now() - interval '25 hours' WHERE key = 'k'`);
  expect(await begin('b')).toEqual({ kind: 'fresh' });
  await repos.idempotency.release(DEFAULT_PROJECT_ID, 'k');
  expect(await begin('c')).toEqual({ kind: 'fresh' });
});

test('keys: found by digest while they are valid', async () => {
  const key = { projectId: on.projectId, name: 'ci', scopes: ['read', 'predict'] as const, prefix: 'grft_ab' };
  const add = (digest: string, expiresAt: Date | null) =>
    repos.keys.create({ ...key, id: newId('key'), digest, expiresAt });
  const live = await add('d1', null);
  await add('d2', new Date(Date.now() - 1000));
  expect(await repos.keys.byDigest('d1')).toMatchObject({ id: live.id, scopes: ['read', 'predict'] });
  expect(await repos.keys.byDigest('d2')).toBeNull();
  expect(await repos.keys.byDigest('d3')).toBeNull();
  expect(await repos.keys.revoke(await otherProject(db), live.id)).toBe(false);
  expect(await repos.keys.revoke(on.projectId, live.id)).toBe(true);
  expect(await repos.keys.byDigest('d1')).toBeNull();
});

test('connections cut by the server: the next query opens another, nothing ends', async () => {
  await Promise.all(Array.from({ length: 5 }, () => repos.jobs.byId('job_x')));
  await db.pool.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await repos.jobs.byId('job_x')).toBeNull();
  expect(await repos.bases.find(on.projectId, on.base)).not.toBeNull();
});
