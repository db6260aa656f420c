import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { build } from '../../../scripts/build.mjs';
import { DEFAULT_PROJECT_ID, repositories } from '../../../src/db/index.js';
import { unneededBases } from '../../../src/db/upload-keys.js';
import type { Repositories } from '../../../src/domain/ports.js';
import { newId } from '../../../src/ids.js';
import { createLogger } from '../../../src/log.js';
import { sweepBases } from '../../../src/services/sweep-uploads.js';
import type { BlobStore } from '../../../src/storage/blob.js';
import { postgresBlobStore } from '../../../src/storage/postgres.js';
import { baseCheck } from '../../../workers/processors/base-check.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { fileOf, smallBase } from '../../support/predict.js';
import { bringTo, FACTS, ground, newJob } from '../../support/records.js';

let folder: string;
let db: TestDatabase;
let repos: Repositories;
let store: BlobStore;
beforeAll(async () => {
  await build();
  folder = await mkdtemp(join(tmpdir(), 'graft-sweep-'));
  db = await testDatabase();
  repos = repositories(db);
  store = postgresBlobStore(db.pool);
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true, force: true });
});

const projectId = DEFAULT_PROJECT_ID;
const sweep = (of = store) => sweepBases(of, (digests) => unneededBases(db.pool, digests));
const stored = (content: string | Buffer) => {
  const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  return { digest, key: `bases/${digest}`, there: async () => (await store.stat(`bases/${digest}`)) !== null };
};
/** A ready base of this content, and the content in the store. */
async function base(content: string): Promise<{ id: string; digest: string; there(): Promise<boolean> }> {
  const id = newId('base');
  const { digest, key, there } = stored(content);
  await store.put(key, Readable.from([Buffer.from(content)]));
  await repos.bases.create({ id, projectId, name: id, uploadKey: `uploads/${id}` });
  await repos.bases.uploaded(id, { digest, bytes: content.length });
  await repos.bases.checked(id, { state: 'ready', digest, bytes: content.length, blobKey: key, facts: FACTS });
  return { id, digest, there };
}

test('what only deleted bases name goes, and nothing else', async () => {
  const [live, gone] = [await base('live'), await base('gone')];
  const foreign = stored('of no base here');
  await store.put(foreign.key, Readable.from([Buffer.from('of no base here')]));
  await repos.bases.delete(projectId, gone.id);
  expect(await sweep()).toBe(1);
  expect([await live.there(), await gone.there(), await foreign.there()]).toEqual([true, false, true]);
});

test('of two bases of one file the file stays until both are deleted', async () => {
  const [first, second] = [await base('twice'), await base('twice')];
  await repos.bases.delete(projectId, first.id);
  expect([await sweep(), await first.there()]).toEqual([0, true]);
  await repos.bases.delete(projectId, second.id);
  expect([await sweep(), await first.there()]).toEqual([1, false]);
});

test('a model, or a job that has not ended, keeps the file of another base that is deleted', async () => {
  for (const state of ['queued', 'running', 'succeeded'] as const) {
    const on = await base(`under a ${state} job`);
    const job = newJob({ ...(await ground(repos)), base: on.id }, { base: { id: on.id, digest: on.digest } });
    await bringTo(repos, job, state);
    // As it was before a base could not be deleted under others.
    await db.pool.query('UPDATE base SET deleted_at = now() WHERE id = $1', [on.id]);
    expect([await sweep(), await on.there()]).toEqual([0, true]);
    if (state === 'succeeded') {
      const { modelId } = (await repos.jobs.byId(job.id))!;
      await repos.models.delete(projectId, modelId!);
    } else await db.pool.query('DELETE FROM job WHERE id = $1', [job.id]);
    expect([await sweep(), await on.there()]).toEqual([1, false]);
  }
});

test('a base that is checked while the same file is swept has its file afterwards', async () => {
  const file = Buffer.from(fileOf(smallBase(5)));
  const before = stored(file);
  const upload = async (): Promise<string> => {
    const id = newId('base');
    await repos.bases.create({ id, projectId, name: id, uploadKey: `uploads/${id}` });
    await repos.bases.uploaded(id, await store.put(`uploads/${id}`, Readable.from([file])));
    return id;
  };
  const log = createLogger({ logLevel: 'silent' }, 'test');
  const check = (id: string, artifacts: BlobStore = store) =>
    baseCheck({ repositories: repos, artifacts, config: { home: folder, threads: 2 }, log })(
      { baseId: id },
      new AbortController().signal,
    );
  const first = await upload();
  await check(first);
  await repos.bases.delete(projectId, first);
  // While another is being checked nothing goes, as it may be the same.
  const second = await upload();
  expect([await sweep(), await before.there()]).toEqual([0, true]);
  // The worst moment: gone right after the check found that it lies there already.
  let taken = false;
  const stat: BlobStore['stat'] = async (key) => {
    const info = await store.stat(key);
    if (info !== null && key === before.key && !taken) {
      taken = true;
      await store.delete(key);
    }
    return info;
  };
  await check(second, { ...store, stat });
  expect(taken).toBe(true);
  expect(await repos.bases.byId(second)).toMatchObject({ state: 'ready', digest: before.digest });
  expect(Buffer.from(await store.read(before.key)).equals(file)).toBe(true);
  expect(await sweep()).toBe(0);
});
