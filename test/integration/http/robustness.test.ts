import { Readable } from 'node:stream';
import supertest from 'supertest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectDatabase } from '../../../src/db/index.js';
import { namedUploads, packlessRevisions } from '../../../src/db/upload-keys.js';
import { newId } from '../../../src/ids.js';
import { uploadKey } from '../../../src/services/datasets.js';
import { sweepPacks, sweepUploads } from '../../../src/services/sweep-uploads.js';
import { type TestService, testService } from '../../support/http.js';
import { through, wireTo } from '../../support/net.js';
import { testDatabase } from '../../support/postgres.js';
import { ground } from '../../support/records.js';

let service: TestService;
beforeAll(async () => {
  service = await testService();
});
afterAll(() => service.close());

it('sweeps old uploads that no row names, and only those', async () => {
  const { datasets } = service.stores;
  const made = await supertest(service.url)
    .post('/v1/datasets')
    .field('name', 'x')
    .field('task', 'image-classification')
    .attach('file', Buffer.from('kept'), 'a.zip');
  expect(made.status).toBe(201);
  const lost = uploadKey(newId('ds'));
  await datasets.put(lost, Readable.from([Buffer.from('lost')]));
  const sweep = (now: number) => sweepUploads(datasets, (keys) => namedUploads(service.db.pool, keys), now);
  expect(await sweep(Date.now() + 3_600_000)).toBe(0);
  expect(await sweep(Date.now() + 25 * 3_600_000)).toBe(1);
  expect(await datasets.stat(lost)).toBeNull();
  const revision = await service.repos.datasets.revision(made.body.id, 1);
  expect(await datasets.stat(revision?.uploadKey ?? '')).not.toBeNull();
});

it('sweeps packs of deleted datasets and invalid revisions, and only those', async () => {
  const { datasets } = service.stores;
  const on = await Promise.all([ground(service.repos), ground(service.repos), ground(service.repos)]);
  const [kept, gone, bad] = on.map(({ dataset }) => `packs/${dataset}/1`);
  const foreign = `packs/${newId('ds')}/1`;
  for (const key of [kept, gone, bad, foreign]) await datasets.put(key!, Readable.from([Buffer.from('pictures')]));
  await service.db.pool.query(`UPDATE dataset_revision SET state = 'invalid' WHERE dataset_id = $1`, [on[2]!.dataset]);
  expect(await service.repos.datasets.delete(on[1]!.projectId, on[1]!.dataset)).toBe(true);
  expect(await sweepPacks(datasets, (revisions) => packlessRevisions(service.db.pool, revisions))).toBe(2);
  expect(await Promise.all([kept, gone, bad].map((key) => datasets.stat(key!)))).toEqual([
    expect.objectContaining({ key: kept }),
    null,
    null,
  ]);
  expect(await datasets.stat(foreign)).not.toBeNull();
});

it('sweeps what was uploaded to a dataset while it was deleted', async () => {
  const { datasets } = service.stores;
  const on = await ground(service.repos);
  const key = uploadKey(on.dataset);
  await datasets.put(key, Readable.from([Buffer.from('late')]));
  await service.repos.datasets.startRevision(on.projectId, on.dataset, 'application/zip', key);
  const sweep = () =>
    sweepUploads(datasets, (keys) => namedUploads(service.db.pool, keys), Date.now() + 25 * 3_600_000);
  await sweep();
  expect(await datasets.stat(key)).not.toBeNull();
  await service.repos.datasets.delete(on.projectId, on.dataset);
  await sweep();
  expect(await datasets.stat(key)).toBeNull();
});

it('says that the database is away rather than that something went wrong', async () => {
  const other = await testService();
  await other.db.pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
  );
  await other.db.prisma.$disconnect();
  // Its address now leads nowhere, as while Postgres restarts.
  other.db.pool.options.port = 1;
  other.db.pool.options.connectionString = 'postgres://nobody@127.0.0.1:1/none';
  await other.db.pool.query('SELECT pg_terminate_backend(pg_backend_pid())').catch(() => {});
  const { status, body, headers } = await supertest(other.url).get('/v1/jobs');
  expect([status, body.code, headers['retry-after']]).toEqual([503, 'unavailable', '2']);
  const ready = await supertest(other.url).get('/readyz');
  expect([ready.status, ready.body.detail]).toEqual([503, 'Not ready: database, schema.']);
  await other.close();
});

it('gives up a database that hangs: a statement that takes too long, and a connection on which nothing comes', async () => {
  const own = await testDatabase();
  const { hostname, port } = new URL(own.url);
  const wire = await wireTo(hostname, Number(port));
  const slow = connectDatabase(through(own.url, wire), { statementMs: 500 });
  const other = await testService({ db: { ...own, pool: slow.pool, prisma: slow.prisma } });
  await expect(slow.pool.query('SELECT pg_sleep(60)')).rejects.toMatchObject({ code: '57014' });
  for (const path of ['/v1/jobs', '/v1/keys']) {
    expect((await supertest(other.url).get('/v1/jobs')).status).toBe(200);
    wire.stall();
    const { status, body } = await supertest(other.url).get(path);
    expect([path, status, body.code]).toEqual([path, 503, 'unavailable']);
  }
  expect((await supertest(other.url).get('/v1/jobs')).status).toBe(200);
  await other.close();
  await slow.close();
  await wire.close();
});
