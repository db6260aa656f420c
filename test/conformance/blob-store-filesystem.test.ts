import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { build } from '../../scripts/build.mjs';
import type { BlobStore } from '../../src/storage/blob.js';
import { filesystemBlobStore } from '../../src/storage/filesystem.js';
import { sweepFilesystemBlobs } from '../../src/storage/filesystem-sweep.js';
import { all, digest, pieces } from '../support/blobs.js';

/** What only the filesystem store promises, besides what blob-store.test.ts asks of every store. */
let folder: string;
beforeAll(async () => {
  await build();
  folder = await mkdtemp(join(tmpdir(), 'graft-files-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const own = async (name: string) => {
  const root = join(folder, name);
  return { root, store: await filesystemBlobStore(root) };
};
const files = (root: string) => readdir(join(root, 'files'));
const whole = async (store: BlobStore, key: string) => {
  const info = await store.stat(key);
  const bytes = Buffer.from(await store.read(key));
  expect({ bytes: bytes.length, digest: digest(bytes) }).toEqual({ bytes: info?.bytes, digest: info?.digest });
  expect(await readFile(store.localPath(key)!)).toEqual(bytes);
  return bytes;
};

test('writers of other processes on one key, killed at any moment, leave size, digest and bytes that belong together', async () => {
  const { root, store } = await own('killed');
  const start = (letter: string) =>
    fork(join(import.meta.dirname, '../support/blob-writer.mjs'), [root, 'contested', letter], { stdio: 'inherit' });
  await store.put('contested', pieces(Buffer.from('first'), 5));
  for (let round = 0; round < 6; round++) {
    const writers = ['a', 'b', 'c'].map(start);
    await Promise.all(writers.map((writer) => new Promise((ready) => writer.once('message', ready))));
    await new Promise((wait) => setTimeout(wait, 60 + 13 * round));
    for (const writer of writers) writer.kill('SIGKILL');
    await Promise.all(writers.map((writer) => new Promise((gone) => writer.once('exit', gone))));
    const bytes = await whole(store, 'contested');
    expect(new Set(bytes).size).toBe(1);
  }
  // What the killed left goes, once it is old; the blob stays.
  await sweepFilesystemBlobs(root, -1);
  expect(await files(root)).toHaveLength(1);
  await whole(store, 'contested');
});

test('what is replaced or deleted leaves no file; the same content again keeps its path', async () => {
  const { root, store } = await own('tidy');
  await Promise.all(['x', 'y', 'z'].map((text) => store.put('one', pieces(Buffer.from(text), 1))));
  expect(await files(root)).toHaveLength(1);
  const path = store.localPath('one');
  const before = await whole(store, 'one');
  await store.put('one', pieces(before, 1));
  expect(store.localPath('one')).toBe(path);
  await store.delete('one');
  expect(await files(root)).toEqual([]);
  expect(store.localPath('one')).toBeNull();
  expect(await readdir(join(root, 'part'))).toEqual([]);
});

test('a reader goes on with what it began to read, though it is replaced and deleted', async () => {
  const { store } = await own('reading');
  const bytes = randomBytes(2_000_000);
  await store.put('read', pieces(bytes, 1 << 20));
  const stream = await store.open('read');
  await store.put('read', pieces(Buffer.from('other'), 5));
  await store.delete('read');
  expect((await all(stream)).equals(bytes)).toBe(true);
});

test('young files that no blob names yet are not swept', async () => {
  const { root, store } = await own('young');
  await store.put('kept', pieces(Buffer.from('kept'), 4));
  await writeFile(join(root, 'files', 'unnamed'), 'on its way');
  expect(await sweepFilesystemBlobs(root)).toBe(0);
  const yesterday = new Date(Date.now() - 24 * 3600 * 1000);
  for (const name of await files(root)) await utimes(join(root, 'files', name), yesterday, yesterday);
  expect(await sweepFilesystemBlobs(root)).toBe(1);
  expect(String(await whole(store, 'kept'))).toBe('kept');
});

test('blobs of before, whose bytes lie under their key, are read, listed, replaced and deleted', async () => {
  const { root, store } = await own('before');
  const old = async (key: string, text: string) => {
    const bytes = Buffer.from(text);
    for (const path of [join(root, 'data', key), join(root, 'meta', key)])
      await mkdir(dirname(path), { recursive: true });
    await writeFile(join(root, 'data', key), bytes);
    const info = { key, bytes: bytes.length, digest: digest(bytes) };
    await writeFile(join(root, 'meta', `${key}.json`), JSON.stringify(info));
    return info;
  };
  const infos = [await old('packs/ds_1/1', 'one'), await old('packs/ds_1/2', 'two')];
  const listed: unknown[] = [];
  for await (const info of store.list('packs/')) listed.push(info);
  expect(listed).toEqual(infos);
  expect(String(await whole(store, 'packs/ds_1/1'))).toBe('one');
  await store.put('packs/ds_1/1', pieces(Buffer.from('new'), 3));
  expect(String(await whole(store, 'packs/ds_1/1'))).toBe('new');
  await store.delete('packs/ds_1/2');
  await expect(store.read('packs/ds_1/2')).rejects.toMatchObject({ code: 'not-found' });
  expect(await readdir(join(root, 'data/packs/ds_1'))).toEqual([]);
});
