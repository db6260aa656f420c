import { fork } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { build } from '../../../scripts/build.mjs';
import { DEFAULT_PROJECT_ID, repositories } from '../../../src/db/index.js';
import type { Repositories } from '../../../src/domain/ports.js';
import { newId } from '../../../src/ids.js';
import { createLogger } from '../../../src/log.js';
import type { BlobStore } from '../../../src/storage/blob.js';
import { filesystemBlobStore } from '../../../src/storage/filesystem.js';
import { datasetCheck } from '../../../workers/processors/dataset-check.js';
import { smallDisk, whyNoMount } from '../../e2e/support/small-disk.js';
import { picture } from '../../support/pictures.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { until } from '../../support/until.js';
import { writeZip } from '../../support/zip.js';

const SUPPORT = join(import.meta.dirname, '../../support');
const log = createLogger({ logLevel: 'silent' }, 'test');
let folder: string;
let db: TestDatabase;
let repos: Repositories;
beforeAll(async () => {
  await build();
  folder = await mkdtemp(join(tmpdir(), 'graft-tries-'));
  db = await testDatabase();
  repos = repositories(db);
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true, force: true });
});

/** Six pictures of about `kilobytes` each, in two labels; the first of them also says `mark`. */
async function zipOf(kilobytes: number, mark = ''): Promise<string> {
  const side = Math.ceil(Math.sqrt((kilobytes * 1024) / 3));
  const files: Record<string, Buffer> = {};
  for (let i = 0; i < 6; i++) {
    const bytes = await picture(i, { format: 'png', width: side, height: side });
    files[`${i % 2 === 0 ? 'a' : 'b'}/${i}.png`] = Buffer.concat([bytes, Buffer.from(i === 0 ? mark : '')]);
  }
  const path = join(folder, `${newId('req')}.zip`);
  await writeZip(path, files);
  return path;
}
async function uploaded(store: BlobStore, path: string): Promise<string> {
  const id = newId('ds');
  await repos.datasets.create({ id, projectId: DEFAULT_PROJECT_ID, name: 'test', task: 'image-classification' });
  const blob = await store.put(`uploads/${id}`, createReadStream(path));
  await repos.datasets.startRevision(DEFAULT_PROJECT_ID, id, 'application/zip', `uploads/${id}`);
  await repos.datasets.uploaded(id, 1, blob);
  return id;
}
const check = (store: BlobStore, id: string, signal = new AbortController().signal, failures = 3) =>
  datasetCheck(
    { repositories: repos, datasets: store, config: { threads: 2 }, log },
    { mostTries: { deaths: 3, failures } },
  )({ datasetId: id, revision: 1 }, signal);
async function counted(id: string): Promise<{ started: number; failed: number }> {
  const { rows } = await db.pool.query<{ started: number; failed: number }>(
    'SELECT checks_started AS started, checks_failed AS failed FROM dataset_revision WHERE dataset_id = $1',
    [id],
  );
  return rows[0]!;
}

test('a check that ends its worker three times is not begun again, and says so', async () => {
  const root = join(folder, 'deaths');
  const store = await filesystemBlobStore(root);
  const id = await uploaded(store, await zipOf(4, 'HANG'));
  for (let death = 1; death <= 3; death++) {
    const worker = fork(join(SUPPORT, 'checking-worker.mjs'), [db.url, root, id], { stdio: 'ignore' });
    await until(async () => expect(await counted(id)).toEqual({ started: death, failed: 0 }));
    worker.kill('SIGKILL');
    await new Promise((done) => worker.once('exit', done));
    expect(await repos.datasets.revision(id, 1)).toMatchObject({ state: 'checking', error: null });
  }
  await check(store, id);
  const revision = await repos.datasets.revision(id, 1);
  expect(revision).toMatchObject({ state: 'invalid', error: { code: 'worker-lost' } });
  expect(revision!.error!.detail).toMatch(/ended 3 times.*upload it again/);
  expect(await store.stat(`uploads/${id}`)).toBeNull();
});

test('a check that a shutdown interrupts counts as not begun', async () => {
  const store = await filesystemBlobStore(join(folder, 'shutdowns'));
  const id = await uploaded(store, await zipOf(4));
  for (let shutdown = 0; shutdown < 5; shutdown++) {
    await expect(check(store, id, AbortSignal.abort(new Error('shutdown')))).rejects.toThrow('shutdown');
    expect(await counted(id)).toEqual({ started: 0, failed: 0 });
  }
  await check(store, id);
  expect(await repos.datasets.revision(id, 1)).toMatchObject({ state: 'ready' });
});

const why = whyNoMount();
if (why !== null) console.warn(`Full disks cannot be tried: mounting a small tmpfs is not permitted here (${why}).`);

test.runIf(why === null)('on a full disk a check is tried again; the last try gives up with a reason', async () => {
  const root = join(folder, 'full');
  const disk = smallDisk(root, 4);
  try {
    const store = await filesystemBlobStore(root);
    const id = await uploaded(store, await zipOf(600));
    for (let tries = 1; tries <= 2; tries++) {
      await expect(check(store, id)).rejects.toMatchObject({ code: 'storage-full' });
      expect(await repos.datasets.revision(id, 1)).toMatchObject({ state: 'checking', error: null });
      expect(await counted(id)).toEqual({ started: tries, failed: tries });
      expect(await repos.datasets.get(DEFAULT_PROJECT_ID, id)).toMatchObject({
        state: 'checking',
        error: null,
        waiting: { code: 'storage-full', detail: expect.stringMatching(/tried again by itself. Make space/) },
      });
    }
    await check(store, id);
    const revision = await repos.datasets.revision(id, 1);
    expect(revision).toMatchObject({ state: 'invalid', packKey: null, error: { code: 'storage-full' } });
    expect(revision!.error!.detail).toMatch(/full each of the 3 times.*Make space.*upload it again/);
    // Its upload is given up, so that the disk is not full for ever.
    expect(await store.stat(`uploads/${id}`)).toBeNull();
    expect(disk.freeBytes()).toBeGreaterThan(3.9 * 1024 * 1024);
  } finally {
    disk.unmount();
  }
});

test.runIf(why === null)('a check goes on once there is space again', async () => {
  const root = join(folder, 'space');
  const path = await zipOf(600);
  // For two of the upload, not for three: another lies there already, and the pack is as large again.
  const disk = smallDisk(root, Math.round((2.5 * (await stat(path)).size) / 1024 ** 2));
  try {
    const store = await filesystemBlobStore(root);
    const other = await store.put('uploads/other', createReadStream(path));
    const id = await uploaded(store, path);
    await expect(check(store, id)).rejects.toMatchObject({ code: 'storage-full' });
    await store.delete(other.key);
    await check(store, id);
    const revision = await repos.datasets.revision(id, 1);
    expect(revision).toMatchObject({ state: 'ready', error: null });
    expect(await repos.datasets.get(DEFAULT_PROJECT_ID, id)).toMatchObject({ state: 'ready', waiting: null });
    expect((await store.read(revision!.packKey!)).byteLength).toBeGreaterThan(1024 * 1024);
  } finally {
    disk.unmount();
  }
});
