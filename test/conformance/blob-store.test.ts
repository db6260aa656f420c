import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BlobStore } from '../../src/storage/blob.js';
import { filesystemBlobStore } from '../../src/storage/filesystem.js';
import { postgresBlobStore, sweepPostgresBlobs } from '../../src/storage/postgres.js';
import { all, digest, pieces } from '../support/blobs.js';
import { type TestDatabase, testDatabase } from '../support/postgres.js';

let folder: string;
let db: TestDatabase;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graft-blobs-'));
  db = await testDatabase();
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true, force: true });
});

const kinds = {
  filesystem: () => filesystemBlobStore(join(folder, 'store')),
  postgres: async () => postgresBlobStore(db.pool),
} as const;

describe.each(Object.keys(kinds) as (keyof typeof kinds)[])('blobs in %s', (kind) => {
  let store: BlobStore;
  beforeAll(async () => {
    store = await kinds[kind]();
  });

  test('what was put comes back, whole and in ranges that cross chunks', async () => {
    const bytes = randomBytes(3 * 1024 * 1024 + 17);
    expect(await store.put('a/b:c/whole.bin', pieces(bytes, 100_003))).toEqual({
      key: 'a/b:c/whole.bin',
      bytes: bytes.length,
      digest: digest(bytes),
    });
    expect(await store.stat('a/b:c/whole.bin')).toEqual({
      key: 'a/b:c/whole.bin',
      bytes: bytes.length,
      digest: digest(bytes),
    });
    expect(Buffer.from(await store.read('a/b:c/whole.bin')).equals(bytes)).toBe(true);
    for (const [start, end] of [
      [0, 1],
      [1_048_570, 2_097_160],
      [bytes.length - 3, bytes.length + 50],
      [5, 5],
    ] as const) {
      expect((await all(await store.open('a/b:c/whole.bin', { start, end }))).equals(bytes.subarray(start, end))).toBe(
        true,
      );
    }
  });

  test('an empty blob is a blob', async () => {
    await store.put('empty', pieces(Buffer.alloc(0), 1));
    expect(await store.stat('empty')).toMatchObject({ bytes: 0 });
    expect(await all(await store.open('empty'))).toHaveLength(0);
  });

  const failing = {
    'a source that fails': [{}, 'broken pipe'],
    'too many bytes': [{ maxBytes: 10 }, 'too-large'],
    'another digest': [{ expectedDigest: digest(Buffer.from('other')) }, 'digest-mismatch'],
  } as const;
  test.each(Object.keys(failing) as (keyof typeof failing)[])('%s leaves nothing', async (name) => {
    const [options, words] = failing[name];
    async function* source() {
      yield Buffer.from('0123456789abc');
      if (name === 'a source that fails') throw new Error('broken pipe');
    }
    const error = await store
      .put('partial', source(), options)
      .catch((thrown: unknown) => thrown as { code?: string; message: string });
    expect('code' in error && error.code !== undefined ? error.code : 'message' in error ? error.message : '').toBe(
      words,
    );
    expect(await store.stat('partial')).toBeNull();
    if (kind === 'filesystem') expect(await readdir(join(folder, 'store', 'part'))).toEqual([]);
    else expect((await db.pool.query("SELECT 1 FROM blob_chunk WHERE starts_with(key, 'part')")).rowCount).toBe(0);
  });

  test('an abort leaves what was there before', async () => {
    await store.put('kept', pieces(Buffer.from('first'), 2));
    const controller = new AbortController();
    async function* source() {
      yield Buffer.from('sec');
      controller.abort();
      yield Buffer.from('ond');
    }
    await expect(store.put('kept', source(), { signal: controller.signal })).rejects.toThrow();
    expect(String(Buffer.from(await store.read('kept')))).toBe('first');
  });

  test('put again replaces; put at once by several leaves one of them whole', async () => {
    const versions = Array.from({ length: 4 }, () => randomBytes(1_500_000));
    await Promise.all(versions.map((bytes) => store.put('contested', pieces(bytes, 65_536))));
    const kept = Buffer.from(await store.read('contested'));
    expect(versions.some((bytes) => bytes.equals(kept))).toBe(true);
    await store.put('contested', pieces(Buffer.from('last'), 4));
    expect(String(Buffer.from(await store.read('contested')))).toBe('last');
  });

  test('what several replace at once while others read is whole at every moment', async () => {
    const versions = Array.from({ length: 3 }, (_, i) => Buffer.alloc(4096 * (i + 1), i));
    await store.put('busy', pieces(versions[0]!, 4096));
    let writing = true;
    const write = async (bytes: Buffer) => {
      for (let n = 0; n < 40; n++) await store.put('busy', pieces(bytes, 4096));
    };
    let reads = 0;
    const read = async () => {
      while (writing) {
        // A reading may end because of a replacement, but it never mixes two contents.
        const bytes = await store.read('busy').catch((error: { code?: string }) => {
          if (error.code !== 'not-found') throw error;
          return null;
        });
        if (bytes === null) continue;
        expect(versions.some((version) => version.equals(Buffer.from(bytes)))).toBe(true);
        reads += 1;
      }
    };
    const readers = [read(), read()];
    await Promise.all(versions.map(write));
    writing = false;
    await Promise.all(readers);
    expect(reads).toBeGreaterThan(0);
    const info = await store.stat('busy');
    expect(info?.digest).toBe(digest(Buffer.from(await store.read('busy'))));
  });

  test('list by prefix, delete, and what is not there', async () => {
    for (const key of ['list/a', 'list/b/c', 'lists']) await store.put(key, pieces(Buffer.from(key), 3));
    const keys: string[] = [];
    for await (const info of store.list('list/')) keys.push(info.key);
    expect(keys.sort()).toEqual(['list/a', 'list/b/c']);
    await store.delete('list/a');
    await store.delete('list/a');
    expect(await store.stat('list/a')).toBeNull();
    await expect(store.read('list/a')).rejects.toMatchObject({ code: 'not-found' });
    await expect(store.open('list/a')).rejects.toMatchObject({ code: 'not-found' });
  });

  test.each(['../x', '/etc/passwd', 'a//b', 'a/../b', '.', '', 'a\\b', 'a b'])("'%s' is no key", async (key) => {
    await expect(store.stat(key)).rejects.toThrow(/not a blob key/);
  });
});

test('Postgres: what a killed writer left is swept once it is old, blobs and young parts are not', async () => {
  const store = postgresBlobStore(db.pool);
  await store.put('part/000000000000001-mine', pieces(Buffer.from('a blob'), 6));
  const part = (millis: number) => `part/${String(millis).padStart(15, '0')}-x`;
  const [old, young] = [part(Date.now() - 60_000), part(Date.now())];
  for (const key of [old, young]) {
    await db.pool.query('INSERT INTO blob_chunk (key, index, data) VALUES ($1, 0, $2)', [key, Buffer.from('half')]);
  }
  expect(await sweepPostgresBlobs(db.pool, 30_000)).toBe(1);
  const { rows } = await db.pool.query<{ key: string }>("SELECT key FROM blob_chunk WHERE starts_with(key, 'part/')");
  expect(rows.map((row) => row.key).sort()).toEqual(['part/000000000000001-mine', young]);
  expect(String(Buffer.from(await store.read('part/000000000000001-mine')))).toBe('a blob');
});

test('Postgres: a write whose chunks were swept under it fails and makes no blob', async () => {
  const store = postgresBlobStore(db.pool);
  async function* source() {
    yield Buffer.alloc(1024 * 1024 + 1);
    await sweepPostgresBlobs(db.pool, -60_000);
    yield Buffer.alloc(1024 * 1024);
  }
  await expect(store.put('swept', source())).rejects.toThrow(/chunks of 'swept' are gone/);
  expect(await store.stat('swept')).toBeNull();
});

test('Postgres: a blob replaced while it is read ends the reading, the two are never mixed', async () => {
  const store = postgresBlobStore(db.pool);
  const size = 40 * 1024 * 1024;
  await store.put('replaced', pieces(Buffer.alloc(size, 1), 1 << 20));
  const seen = new Set<number>();
  const read = (async () => {
    let first = true;
    for await (const chunk of await store.open('replaced')) {
      for (const byte of new Set(chunk as Buffer)) seen.add(byte);
      if (first) await store.put('replaced', pieces(Buffer.alloc(size, 2), 1 << 20));
      first = false;
    }
  })();
  await expect(read).rejects.toMatchObject({ code: 'not-found' });
  expect([...seen]).toEqual([1]);
});
