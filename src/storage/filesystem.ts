import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { GraftError } from '../errors.js';
import type { BlobInfo, BlobStore, PutOptions } from './blob.js';
import { keysOf, sweepParts } from './filesystem-sweep.js';
import { checkKey, measured, notFound } from './measured.js';
import { turns } from './turns.js';
import { writeBehind } from './write-behind.js';

/** What `meta/<key>.json` says. `file`: its bytes' name in `files/`; without one they lie at `data/<key>`, as they once did. */
interface Meta extends BlobInfo {
  readonly file?: string;
}
const infoOf = ({ key, bytes, digest }: Meta): BlobInfo => ({ key, bytes, digest });
const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

/**
 * Blobs as files below `root`: the bytes in `files/` under a name used once, and `meta/<key>.json`, which names them with
 * size and digest. Both are written to `part/` first. One rename, of the meta file, makes a blob visible or replaces it, so
 * that size, digest and bytes always belong together, whoever else writes and whenever the process or the machine ends.
 */
export async function filesystemBlobStore(root: string): Promise<BlobStore> {
  const dataPath = (meta: Meta) =>
    meta.file === undefined ? join(root, 'data', meta.key) : join(root, 'files', meta.file);
  const metaPath = (key: string) => join(root, 'meta', `${key}.json`);
  const parts = join(root, 'part');
  for (const folder of ['part', 'meta', 'files']) await mkdir(join(root, folder), { recursive: true });
  await sweepParts(parts);
  const inTurn = turns();

  async function metaOf(key: string): Promise<Meta | null> {
    checkKey(key);
    try {
      return JSON.parse(await readFile(metaPath(key), 'utf8')) as Meta;
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }
  /** The bytes that the meta file names: open, they stay what they are when the blob is replaced. */
  async function opened(key: string): Promise<{ meta: Meta; file: FileHandle }> {
    for (;;) {
      const meta = await metaOf(key);
      if (meta === null) throw notFound(key);
      try {
        return { meta, file: await open(dataPath(meta)) };
      } catch (error) {
        const now = await metaOf(key);
        // Replaced or deleted between the two steps: the next turn tells. Otherwise the file is lost.
        if (!isMissing(error) || (now !== null && now.file === meta.file)) throw error;
      }
    }
  }
  /** Makes the whole part visible under the key. The same content again changes nothing: its path is in use, perhaps. */
  async function publish(part: string, info: BlobInfo): Promise<void> {
    const before = await metaOf(info.key);
    if (before?.digest === info.digest && existsSync(dataPath(before))) {
      await rm(part);
      return;
    }
    const meta: Meta = { ...info, file: randomUUID() };
    await writeFile(`${part}.json`, JSON.stringify(meta), { mode: 0o600, flush: true });
    await rename(part, dataPath(meta));
    try {
      await syncFolder(join(root, 'files'));
      await mkdir(dirname(metaPath(info.key)), { recursive: true });
      await rename(`${part}.json`, metaPath(info.key));
    } catch (error) {
      await rm(dataPath(meta), { force: true });
      throw error;
    }
    await syncFolder(dirname(metaPath(info.key)));
    if (before !== null) await rm(dataPath(before), { force: true });
  }

  async function put(key: string, source: AsyncIterable<Uint8Array>, options: PutOptions = {}): Promise<BlobInfo> {
    checkKey(key);
    const part = join(parts, randomUUID());
    try {
      const info = { key, ...(await received(part, source, options)) };
      await inTurn(key, () => publish(part, info));
      return info;
    } catch (error) {
      await rm(part, { force: true });
      await rm(`${part}.json`, { force: true });
      throw spaceError(error, root);
    }
  }

  return {
    put,
    async stat(key) {
      const meta = await metaOf(key);
      return meta === null ? null : infoOf(meta);
    },
    async open(key, range) {
      const { meta, file } = await opened(key);
      const start = range?.start ?? 0;
      const end = Math.min(range?.end ?? meta.bytes, meta.bytes);
      if (start < end) return file.createReadStream({ start, end: end - 1, highWaterMark: 1 << 18 });
      await file.close();
      return Readable.from([]);
    },
    async read(key) {
      const { file } = await opened(key);
      try {
        return await file.readFile();
      } finally {
        await file.close();
      }
    },
    async delete(key) {
      const meta = await metaOf(key);
      if (meta === null) return;
      await rm(metaPath(key), { force: true });
      await rm(dataPath(meta), { force: true });
    },
    async *list(prefix) {
      for await (const key of keysOf(root)) {
        if (!key.startsWith(prefix)) continue;
        const meta = await metaOf(key);
        if (meta !== null) yield infoOf(meta);
      }
    },
    localPath(key) {
      checkKey(key);
      try {
        const path = dataPath(JSON.parse(readFileSync(metaPath(key), 'utf8')) as Meta);
        return existsSync(path) ? path : null;
      } catch (error) {
        if (isMissing(error)) return null;
        throw error;
      }
    },
  };
}

/** Writes all of the source to a new file, and to the disk. */
async function received(part: string, source: AsyncIterable<Uint8Array>, options: PutOptions) {
  const measure = measured(options);
  const file = await open(part, 'wx', 0o600);
  try {
    const behind = writeBehind(file);
    for await (const chunk of source) {
      measure.take(chunk);
      await behind.write(chunk);
    }
    const content = measure.finish();
    await behind.flush();
    await file.sync();
    return content;
  } finally {
    await file.close();
  }
}

/** A rename is only sure to outlast a loss of power once its folder is on the disk. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function spaceError(error: unknown, root: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new GraftError(
    'storage-full',
    `The disk that holds ${root} is full; nothing was kept. Make space and send it again.`,
    { cause: error },
  );
}

/** `sha256:<hex>` of a file, read in pieces. */
export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return `sha256:${hash.digest('hex')}`;
}
