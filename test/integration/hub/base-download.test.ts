import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { build } from '../../../scripts/build.mjs';
import { DEFAULT_PROJECT_ID, repositories } from '../../../src/db/index.js';
import type { Repositories } from '../../../src/domain/ports.js';
import type { Base } from '../../../src/domain/types.js';
import { newId } from '../../../src/ids.js';
import { createLogger } from '../../../src/log.js';
import { deleteBase } from '../../../src/services/bases.js';
import { createBaseFromHub } from '../../../src/services/hub-bases.js';
import type { BlobStore } from '../../../src/storage/blob.js';
import { postgresBlobStore } from '../../../src/storage/postgres.js';
import { sweepDownloads } from '../../../workers/hub/folders.js';
import { baseCheck } from '../../../workers/processors/base-check.js';
import { baseDownload } from '../../../workers/processors/base-download.js';
import { externally } from '../../support/external-data.js';
import { type HubServer, startHub } from '../../support/hub-server.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { fileOf, smallBase } from '../../support/predict.js';
import { until } from '../../support/until.js';

const projectId = DEFAULT_PROJECT_ID;
const MODEL = Buffer.from(fileOf(smallBase(1, 200_000)));
const PREPROCESSOR = JSON.stringify({ size: { shortest_edge: 40 }, crop_size: { height: 32, width: 32 } });
const FILES = { 'README.md': '# net', 'config.json': '{}', 'preprocessor_config.json': PREPROCESSOR };

let home: string;
let db: TestDatabase;
let repos: Repositories;
let store: BlobStore;
let hub: HubServer;
const queued: string[] = [];
beforeAll(async () => {
  await build();
  home = await mkdtemp(join(tmpdir(), 'graft-hub-'));
  db = await testDatabase();
  repos = repositories(db);
  store = postgresBlobStore(db.pool);
  hub = await startHub();
});
afterAll(async () => {
  await hub.close();
  await db.close();
  await rm(home, { recursive: true, force: true });
});
beforeEach(() => {
  hub.faults.clear();
  hub.requests.length = 0;
  queued.length = 0;
});

const depsOf = (changes: { url?: string; maxUploadBytes?: number } = {}) => ({
  repositories: repos,
  artifacts: store,
  stores: { artifacts: store },
  enqueue: async (name: string) => {
    queued.push(name);
  },
  config: {
    ...{ home, threads: 2, maxUploadBytes: changes.maxUploadBytes ?? 2 ** 30 },
    hub: { url: changes.url ?? hub.url, token: null, proxy: null },
  },
  log: createLogger({ logLevel: 'silent' }, 'test'),
});
const never = new AbortController().signal;
const add = (name: string, revision?: string) =>
  createBaseFromHub(depsOf(), projectId, { hub: name, name: newId('base').slice(5), ...(revision && { revision }) });
const download = (id: string, changes = {}, mostTries = { deaths: 3, failures: 8 }, signal = never) =>
  baseDownload(depsOf(changes), { patience: { connect: 1000, stall: 1000 }, pauseMs: 5, mostTries })(
    { baseId: id },
    signal,
  );
const byId = async (id: string): Promise<Base> => (await repos.bases.byId(id))!;
const downloads = () => readdir(join(home, 'hub')).catch(() => []);
/** A repository of that name, and a base of it, downloaded once. */
async function tried(name: string, files: Record<string, Buffer | string>, changes = {}): Promise<Base> {
  hub.push(name, { files });
  const { id } = await add(name);
  await download(id, changes);
  return byId(id);
}

test('a base comes from the hub: pinned to the commit, only what it needs, checked like an upload', async () => {
  const files = { ...FILES, 'onnx/model.onnx': MODEL, 'model.safetensors': Buffer.alloc(5000) };
  const commit = hub.push('org/net', { files, tags: ['license:mit'] });
  const created = await add('org/net');
  expect(created).toMatchObject({ state: 'receiving', source: { hub: 'org/net', revision: 'main', commit: null } });
  expect(queued).toEqual(['base.download']);
  await download(created.id);
  const fetched = await byId(created.id);
  expect(fetched).toMatchObject({ state: 'checking', progress: null, source: { commit }, error: null, waiting: null });
  expect(queued).toEqual(['base.download', 'base.check']);
  expect(hub.requests.some(({ path }) => /safetensors|README/.test(path))).toBe(false);
  expect(hub.requests.filter(({ path }) => path.includes('/resolve/')).every(({ path }) => path.includes(commit))).toBe(
    true,
  );
  expect(await downloads()).toEqual([]);
  await baseCheck(depsOf())({ baseId: created.id }, never);
  const base = await byId(created.id);
  expect(base).toMatchObject({ state: 'ready', bytes: MODEL.length, facts: { license: 'mit' } });
  expect(base.digest).toBe(`sha256:${createHash('sha256').update(MODEL).digest('hex')}`);
  expect(base.facts?.preprocessing).toMatchObject({ resize: 40, crop: 32 });
  expect(await store.stat(created.uploadKey!)).toBeNull();
});

test('killed in the middle, the next worker goes on where it stopped, at the same commit', async () => {
  const commit = hub.push('org/killed', { files: { ...FILES, 'model.onnx': MODEL } });
  const { id } = await add('org/killed');
  hub.faults.set('model.onnx', { after: 100_000, next: 'stall' });
  const worker = spawn(process.execPath, ['test/support/downloading-worker.mjs', db.url, home, hub.url, id], {
    stdio: 'inherit',
  });
  const ended = new Promise((done) => worker.once('exit', (_, signal) => done(signal)));
  await until(async () => expect((await byId(id)).progress?.done).toBeGreaterThan(100_000), 20_000);
  hub.faults.clear();
  worker.kill('SIGKILL');
  expect(await ended).toBe('SIGKILL');
  expect(await byId(id)).toMatchObject({ state: 'receiving', source: { commit } });
  hub.push('org/killed', { files: { 'model.onnx': Buffer.from('another model') } });
  hub.requests.length = 0;
  await download(id);
  expect(await byId(id)).toMatchObject({ state: 'checking', source: { commit } });
  const asked = hub.requests.map(({ at, range }) => (at === 'cdn' ? range : null)).filter((range) => range !== null);
  expect(asked).toEqual(['bytes=100000-']);
  // The settings were here already.
  expect(hub.requests.filter(({ path }) => path.includes('config.json'))).toEqual([]);
  await baseCheck(depsOf())({ baseId: id }, never);
  expect((await byId(id)).state).toBe('ready');
});

test('weights beside the model come with it: those that it names, and go on where they stopped', async () => {
  const { model, data } = externally(smallBase(1, 200_000), { location: 'weights.bin' });
  const files = { 'onnx/model.onnx': model, 'onnx/weights.bin': data, 'onnx/model.onnx_data': 'of another' };
  hub.faults.set('onnx/weights.bin', { after: 100_000, next: 'cut', times: 1 });
  const fetched = await tried('org/external', { ...FILES, ...files });
  expect(fetched).toMatchObject({ state: 'checking', error: null });
  expect(hub.requests.flatMap(({ at, range }) => (at === 'cdn' && range ? [range] : []))).toEqual(['bytes=100000-']);
  expect(hub.requests.some(({ path }) => path.includes('model.onnx_data'))).toBe(false);
  await baseCheck(depsOf())({ baseId: fetched.id }, never);
  const base = await byId(fetched.id);
  expect(base).toMatchObject({ state: 'ready', bytes: MODEL.length });
  expect(base.digest).toBe(`sha256:${createHash('sha256').update(MODEL).digest('hex')}`);
});

test('deleted while it comes, it stops, and nothing is left', async () => {
  hub.push('org/deleted', { files: { 'model.onnx': MODEL } });
  const { id, uploadKey } = await add('org/deleted');
  hub.faults.set('model.onnx', { after: 1000, next: 'cut' });
  const run = baseDownload(depsOf(), { patience: { connect: 1000, stall: 1000 }, pauseMs: 600 })({ baseId: id }, never);
  await until(() => expect(hub.requests.some(({ at }) => at === 'cdn')).toBe(true));
  await deleteBase(depsOf(), projectId, id);
  await run;
  expect(await downloads()).toEqual([]);
  expect(await store.stat(uploadKey!)).toBeNull();
  expect(queued).toEqual(['base.download']);
});

test('a worker that ends gives the download back as if it had not begun, and keeps what is here', async () => {
  hub.push('org/ended', { files: { 'model.onnx': MODEL } });
  const { id } = await add('org/ended');
  hub.faults.set('model.onnx', { after: 1000, next: 'stall', times: 1 });
  const ending = new AbortController();
  const run = download(id, {}, undefined, ending.signal).catch((error: unknown) => error);
  await until(() => expect(hub.requests.some(({ at }) => at === 'cdn')).toBe(true));
  ending.abort(new Error('ending'));
  expect(await run).toBeInstanceOf(Error);
  const { rows } = await db.pool.query('SELECT checks_started, checks_failed FROM base WHERE id = $1', [id]);
  expect(rows).toEqual([{ checks_started: 0, checks_failed: 0 }]);
  expect(await downloads()).toEqual([id]);
  await download(id);
  expect((await byId(id)).state).toBe('checking');
});

test('a hub that is busy is waited for, in words; one that stays so is given up', async () => {
  hub.push('org/busy', { files: { 'model.onnx': MODEL } });
  const { id } = await add('org/busy');
  hub.faults.set('api', { status: 503 });
  await expect(download(id)).rejects.toMatchObject({ code: 'hub-unreachable' });
  const waiting = await byId(id);
  expect(waiting).toMatchObject({ state: 'receiving', error: null, waiting: { code: 'hub-unreachable' } });
  expect(waiting.waiting?.detail).toMatch(/answers with status 503\. It is tried again by itself/);
  expect(await repos.bases.staleDownloads(-1000)).toContainEqual({ baseId: id });
  expect(await repos.bases.staleChecks(-1000)).not.toContainEqual({ baseId: id });
  await download(id, {}, { deaths: 3, failures: 2 });
  const over = await byId(id);
  expect(over).toMatchObject({ state: 'invalid', error: { code: 'hub-unreachable' }, waiting: null });
  expect(over.error?.detail).toMatch(/It was tried 2 times; add it again/);
});

test('no hub at all ends it at once', async () => {
  const { id } = await add('org/offline');
  await download(id, { url: 'http://hub.invalid' });
  expect(await byId(id)).toMatchObject({ state: 'invalid', error: { code: 'hub-unreachable' } });
  expect((await byId(id)).error?.detail).toMatch(/No answer from the model hub hub\.invalid.*GRAFT_HUB_URL/);
});

test('what the hub does not have makes it invalid, and says what to do', async () => {
  const none = await add('org/none');
  await download(none.id);
  expect((await byId(none.id)).error).toMatchObject({
    code: 'hub-denied',
    detail: expect.stringContaining('GRAFT_HUB_TOKEN'),
  });
  hub.push('org/one', { files: { 'model.onnx': MODEL } });
  const revision = await add('org/one', 'v2');
  await download(revision.id);
  expect((await byId(revision.id)).error).toMatchObject({
    code: 'hub-not-found',
    detail: expect.stringContaining("'v2'"),
  });
  const bare = await tried('org/bare', { 'model.safetensors': 'x' });
  expect(bare.error).toMatchObject({
    code: 'base-invalid',
    detail: expect.stringContaining('optimum-cli export onnx'),
  });
  const large = await tried('org/large', { 'model.onnx': MODEL }, { maxUploadBytes: 1000 });
  expect(large.error).toMatchObject({ code: 'too-large', detail: expect.stringContaining('at most 1000') });
  const { model } = externally(smallBase(1));
  const without = await tried('org/without', { 'model.onnx': model, 'other.onnx_data': 'x' });
  expect(without.error).toMatchObject({
    code: 'base-invalid',
    detail: expect.stringContaining("does not have 'model.onnx_data', where model.onnx keeps weights"),
  });
  hub.faults.set('model.onnx', { content: Buffer.alloc(MODEL.length) });
  const forged = await tried('org/forged', { 'model.onnx': MODEL });
  expect(forged.error?.code).toBe('digest-mismatch');
  expect(await downloads()).toEqual([]);
});

test('folders of downloads that nobody waits for are swept, others stay', async () => {
  hub.push('org/swept', { files: { 'model.onnx': MODEL } });
  const { id } = await add('org/swept');
  const gone = newId('base');
  for (const name of [id, gone]) await mkdir(join(home, 'hub', name), { recursive: true });
  expect(await sweepDownloads(home, repos.bases)).toBe(1);
  expect([existsSync(join(home, 'hub', id)), existsSync(join(home, 'hub', gone))]).toEqual([true, false]);
});
