import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GraftError } from '../../src/errors.js';
import { readBase, wholeKey } from '../../src/services/base-file.js';
import type { BlobStore } from '../../src/storage/blob.js';

/** Copies of blobs that are kept; beyond this the ones not used for longest go. */
const MOST_BYTES = 8 * 1024 ** 3;
const checked = new Map<string, string>();

/**
 * A path at which the blob's bytes can be read. Blobs that are local files stay where they are; others are copied into
 * `folder` under the name of their digest: written aside, checked, renamed. A copy from an earlier process is read and
 * checked once, since a disk may have damaged it. Throws `not-found`, `digest-mismatch`.
 */
export async function localFile(store: BlobStore, key: string, folder: string, signal: AbortSignal): Promise<string> {
  const local = store.localPath(key);
  if (local !== null) return local;
  const info = await store.stat(key);
  if (info === null) throw new GraftError('not-found', `There is no blob '${key}'.`);
  return localCopy({ name: `blob '${key}'`, digest: info.digest, open: () => store.open(key) }, folder, signal);
}

/** The same for the file of a base, which may have to be put together. */
export async function localBase(
  store: BlobStore,
  digest: string,
  folder: string,
  signal: AbortSignal,
): Promise<string> {
  if ((await store.stat(wholeKey(digest))) !== null) return localFile(store, wholeKey(digest), folder, signal);
  const open = async () => [await readBase(store, digest)];
  return localCopy({ name: `base '${digest}'`, digest, open }, folder, signal);
}

interface Original {
  readonly name: string;
  readonly digest: string;
  open(): Promise<AsyncIterable<Uint8Array> | Iterable<Uint8Array>>;
}

async function localCopy({ name, digest, open }: Original, folder: string, signal: AbortSignal): Promise<string> {
  const path = join(folder, digest.replace(':', '-'));
  const there = await stat(path).catch(() => null);
  if (there !== null) {
    const stamp = `${there.mtimeMs} ${there.ino}`;
    if (checked.get(path) === stamp || (await digestOfFile(path)) === digest) {
      const now = new Date(Math.floor(Date.now() / 1000) * 1000);
      await utimes(path, now, now).catch(() => {});
      checked.set(path, `${now.getTime()} ${there.ino}`);
      return path;
    }
  }
  await mkdir(dirname(path), { recursive: true });
  const part = join(folder, `.${randomUUID()}`);
  try {
    const hash = createHash('sha256');
    const measure = new Transform({
      transform(chunk: Buffer, _, done) {
        hash.update(chunk);
        done(null, chunk);
      },
    });
    await pipeline(await open(), measure, createWriteStream(part, { mode: 0o600 }), { signal });
    if (`sha256:${hash.digest('hex')}` !== digest)
      throw new GraftError('digest-mismatch', `The ${name} is not what its digest says; upload it again.`);
    await rename(part, path);
  } finally {
    await rm(part, { force: true });
  }
  const { mtimeMs, ino } = await stat(path);
  checked.set(path, `${mtimeMs} ${ino}`);
  await evict(folder, path);
  return path;
}

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return `sha256:${hash.digest('hex')}`;
}

async function evict(folder: string, keep: string): Promise<void> {
  const files: { path: string; bytes: number; used: number }[] = [];
  for (const name of await readdir(folder)) {
    const info = await stat(join(folder, name)).catch(() => null);
    if (info) files.push({ path: join(folder, name), bytes: info.size, used: info.mtimeMs });
  }
  let total = files.reduce((sum, f) => sum + f.bytes, 0);
  for (const f of files.sort((a, b) => a.used - b.used)) {
    if (total <= MOST_BYTES) break;
    if (f.path === keep) continue;
    await rm(f.path, { force: true });
    total -= f.bytes;
  }
}
