import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { GraftError } from '../errors.js';
import type { BlobInfo, BlobStore, PutOptions } from './blob.js';
import { checkKey, measured, notFound } from './measured.js';
import { writeBehind } from './write-behind.js';

/** A part file that nothing wrote to for this long belongs to a process that is gone. */
const ORPHAN_MS = 6 * 3600 * 1000;

/**
 * Blobs as files below `root`: `data/<key>`, with bytes and digest beside them in `meta/<key>.json`, written to `part/`
 * first and renamed when whole (rename is atomic within a file system). The meta file comes last and makes it visible.
 */
export async function filesystemBlobStore(root: string): Promise<BlobStore> {
  const dataPath = (key: string) => join(root, 'data', key);
  const metaPath = (key: string) => join(root, 'meta', `${key}.json`);
  const parts = join(root, 'part');
  await mkdir(parts, { recursive: true });
  await mkdir(join(root, 'meta'), { recursive: true });
  await sweep(parts);

  async function stats(key: string): Promise<BlobInfo | null> {
    checkKey(key);
    try {
      return JSON.parse(await readFile(metaPath(key), 'utf8')) as BlobInfo;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  async function put(key: string, source: AsyncIterable<Uint8Array>, options: PutOptions = {}): Promise<BlobInfo> {
    checkKey(key);
    const part = join(parts, randomUUID());
    const measure = measured(options);
    try {
      const file = await open(part, 'wx', 0o600);
      let info: BlobInfo;
      try {
        const behind = writeBehind(file);
        for await (const chunk of source) {
          measure.take(chunk);
          await behind.write(chunk);
        }
        info = { key, ...measure.finish() };
        await behind.flush();
        await file.sync();
      } finally {
        await file.close();
      }
      const meta = `${part}.json`;
      await writeFile(meta, JSON.stringify(info), { mode: 0o600, flush: true });
      await mkdir(dirname(dataPath(key)), { recursive: true });
      await mkdir(dirname(metaPath(key)), { recursive: true });
      await rename(part, dataPath(key));
      await rename(meta, metaPath(key));
      return info;
    } catch (error) {
      await rm(part, { force: true });
      await rm(`${part}.json`, { force: true });
      throw spaceError(error, root);
    }
  }

  return {
    put,
    stat: stats,
    async open(key, range) {
      const info = await stats(key);
      if (info === null) throw notFound(key);
      const end = Math.min(range?.end ?? info.bytes, info.bytes);
      const start = range?.start ?? 0;
      const window = start >= end ? { start: 0, end: -1 } : { start, end: end - 1 };
      if (window.end < 0) {
        const { Readable } = await import('node:stream');
        return Readable.from([]);
      }
      return createReadStream(dataPath(key), { ...window, highWaterMark: 1 << 18 });
    },
    async read(key) {
      if ((await stats(key)) === null) throw notFound(key);
      return readFile(dataPath(key));
    },
    async delete(key) {
      checkKey(key);
      await rm(metaPath(key), { force: true });
      await rm(dataPath(key), { force: true });
    },
    async *list(prefix) {
      const meta = join(root, 'meta');
      for (const entry of await readdir(meta, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const key = relative(meta, join(entry.parentPath, entry.name))
          .split(sep)
          .join('/')
          .replace(/\.json$/, '');
        if (!key.startsWith(prefix)) continue;
        const info = await stats(key);
        if (info !== null) yield info;
      }
    },
    localPath(key) {
      checkKey(key);
      return existsSync(dataPath(key)) ? dataPath(key) : null;
    },
  };
}

async function sweep(parts: string): Promise<void> {
  for (const name of await readdir(parts)) {
    const path = join(parts, name);
    const info = await stat(path).catch(() => null);
    if (info !== null && Date.now() - info.mtimeMs > ORPHAN_MS) await rm(path, { force: true });
  }
}

function spaceError(error: unknown, root: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new GraftError(
    'storage-full',
    `The disk that holds ${root} is full; nothing was kept. Make space and send it again.`,
    {
      cause: error,
    },
  );
}

/** `sha256:<hex>` of a file, read in pieces. */
export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return `sha256:${hash.digest('hex')}`;
}
