import { createHash, randomBytes } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { mkdir, open, readdir, rm, rmdir, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/**
 * Features by content, on disk: what a frozen trunk said of an example is computed once, for all epochs and later jobs.
 *
 * `<root>/<key>/<random>.features`, where the key is a digest of everything that the features depend on besides the
 * example (graph, cut, preprocessing, engine version). A file is a header, then records of one size: 32 bytes of the
 * example's SHA-256, its features as float32, CRC-32 of both. One process writes one file, and only appends, so that
 * processes need no locks; a record that a crash cut off or a disk damaged fails its CRC and is computed again.
 * Files that were not used for longest are deleted when all of them are more than `maxBytes`.
 */
export interface FeatureCache {
  /** Fills rows of `into` [n, width] that are known; answers which rows (by digest) are missing. */
  load(wanted: ReadonlyMap<string, readonly number[]>, into: Float32Array): Promise<Set<string>>;
  /** Appends features of examples; silently does nothing once the cache's own size is used up by this writer. */
  add(digests: readonly string[], features: Float32Array): void;
  close(): Promise<void>;
}

const MAGIC = Buffer.from('graftfeat1\0\0');
const HEADER = MAGIC.length + 4;
const DIGEST = 32;
const SUFFIX = '.features';
const READ_BYTES = 4 * 1024 * 1024;

export const cacheKey = (parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 40);

const digestBytes = (digest: string): Buffer => Buffer.from(digest.replace(/^sha256:/, ''), 'hex');

export async function openFeatureCache(o: {
  readonly root: string;
  readonly key: string;
  /** Features of one example. */
  readonly width: number;
  readonly maxBytes: number;
}): Promise<FeatureCache> {
  const folder = join(o.root, o.key);
  const record = DIGEST + o.width * 4 + 4;
  let file: { fd: number; path: string; bytes: number } | null = null;
  let full = o.maxBytes <= 0;

  function start(): { fd: number; path: string; bytes: number } {
    const path = join(folder, `${process.pid}-${randomBytes(6).toString('hex')}${SUFFIX}`);
    const header = Buffer.alloc(HEADER);
    MAGIC.copy(header);
    header.writeUInt32LE(o.width, MAGIC.length);
    const fd = openSync(path, 'wx', 0o600);
    writeSync(fd, header);
    return { fd, path, bytes: HEADER };
  }

  await mkdir(folder, { recursive: true });
  return {
    async load(wanted, into) {
      const missing = new Set(wanted.keys());
      for (const name of await list(folder)) {
        if (missing.size === 0) break;
        await readShard(join(folder, name), o.width, record, (hex, features) => {
          const digest = `sha256:${hex}`;
          if (!missing.delete(digest)) return;
          for (const row of wanted.get(digest) ?? []) into.set(features, row * o.width);
        });
      }
      return missing;
    },
    add(digests, features) {
      if (full || digests.length === 0) return;
      try {
        file ??= start();
        const block = Buffer.allocUnsafe(record * digests.length);
        digests.forEach((digest, i) => {
          const at = i * record;
          digestBytes(digest).copy(block, at);
          Buffer.from(features.buffer, features.byteOffset + i * o.width * 4, o.width * 4).copy(block, at + DIGEST);
          block.writeUInt32LE(crc32(block.subarray(at, at + record - 4)), at + record - 4);
        });
        if (file.bytes + block.length > o.maxBytes) {
          full = true;
          return;
        }
        for (let at = 0; at < block.length; ) at += writeSync(file.fd, block, at);
        file.bytes += block.length;
      } catch {
        // A cache that cannot be written (full disk) costs time later, never the run.
        full = true;
      }
    },
    async close() {
      if (file !== null) closeSync(file.fd);
      file = null;
      await evict(o.root, o.maxBytes);
    },
  };
}

/** Calls `found` with every whole record; marks the file as used. A file that vanished or is of another kind has none. */
async function readShard(
  path: string,
  width: number,
  record: number,
  found: (hex: string, features: Float32Array) => void,
): Promise<void> {
  const file = await open(path, 'r').catch(() => null);
  if (file === null) return;
  try {
    const header = Buffer.alloc(HEADER);
    const { bytesRead } = await file.read(header, 0, HEADER, 0);
    const fits = bytesRead === HEADER && header.subarray(0, MAGIC.length).equals(MAGIC);
    if (!fits || header.readUInt32LE(MAGIC.length) !== width) return;
    const perRead = Math.max(1, Math.floor(READ_BYTES / record));
    const { size } = await file.stat();
    const block = Buffer.alloc(Math.min(perRead * record, Math.max(record, size - HEADER)));
    for (let at = HEADER; ; ) {
      const { bytesRead: got } = await file.read(block, 0, block.length, at);
      const whole = Math.floor(got / record);
      if (whole === 0) break;
      for (let i = 0; i < whole; i++) {
        const one = block.subarray(i * record, (i + 1) * record);
        if (one.readUInt32LE(record - 4) !== crc32(one.subarray(0, record - 4))) continue;
        // Copied, for records do not lie at multiples of four.
        const features = new Float32Array(Uint8Array.from(one.subarray(DIGEST, record - 4)).buffer);
        found(one.toString('hex', 0, DIGEST), features);
      }
      at += whole * record;
    }
    const now = new Date();
    await utimes(path, now, now).catch(() => {});
  } finally {
    await file.close();
  }
}

const list = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(SUFFIX)).sort();

/** Deletes the files that were not used for longest until the rest fits. A reader that has one open reads it to its end. */
export async function evict(root: string, maxBytes: number): Promise<void> {
  const files: { path: string; folder: string; bytes: number; used: number }[] = [];
  for (const key of await readdir(root).catch(() => [])) {
    const folder = join(root, key);
    for (const name of await list(folder)) {
      const path = join(folder, name);
      const info = await stat(path).catch(() => null);
      if (info) files.push({ path, folder, bytes: info.size, used: info.mtimeMs });
    }
  }
  let total = files.reduce((sum, f) => sum + f.bytes, 0);
  for (const f of files.sort((a, b) => a.used - b.used)) {
    if (total <= maxBytes) break;
    await rm(f.path, { force: true });
    await rmdir(f.folder).catch(() => {});
    total -= f.bytes;
  }
}
