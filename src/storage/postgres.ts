import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Pool } from 'pg';
import { GraftError } from '../errors.js';
import type { BlobInfo, BlobStore, PutOptions } from './blob.js';
import { checkKey, measured, notFound } from './measured.js';

const CHUNK = 1024 * 1024;
/** Postgres's code for: no space left. */
const DISK_FULL = '53100';
/** Chunks whose writer went on for this long without finishing belong to a process that is gone. */
const ORPHAN_MS = 6 * 3600 * 1000;

interface BlobRow {
  key: string;
  bytes: string;
  digest: string;
}
const infoOf = (row: BlobRow): BlobInfo => ({ key: row.key, bytes: Number(row.bytes), digest: row.digest });

/**
 * Cuts any sequence of chunks into chunks of `size` bytes (the last may be shorter). All of them are one memory, filled again:
 * a process that has nothing else to do would keep what they took for a long time.
 */
async function* sized(source: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Buffer> {
  const filled = Buffer.allocUnsafeSlow(size);
  let bytes = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.byteLength; ) {
      const piece = chunk.subarray(at, at + size - bytes);
      filled.set(piece, bytes);
      bytes += piece.byteLength;
      at += piece.byteLength;
      if (bytes === size) {
        yield filled;
        bytes = 0;
      }
    }
  }
  if (bytes > 0) yield filled.subarray(0, bytes);
}

function spaceError(error: unknown): unknown {
  if ((error as { code?: unknown }).code !== DISK_FULL) return error;
  const detail =
    'The disk that holds the database is full; nothing was kept, and its space is free again within a minute. Make space and send it again.';
  return new GraftError('storage-full', detail, { cause: error });
}

function partKey(millis: number, tail: string): string {
  return `part/${String(millis).padStart(15, '0')}-${tail}`;
}

/** Removes the chunks of writes that began more than `olderThanMs` ago and never ended. Returns how many. */
export async function sweepPostgresBlobs(pool: Pool, olderThanMs: number = ORPHAN_MS): Promise<number> {
  // Blobs have a row in `blob`, parts never do: a blob whose own key begins with `part/` is left alone. The range is for
  // the index, the prefix for databases whose collation passes over punctuation.
  const { rowCount } = await pool.query(
    `DELETE FROM blob_chunk c WHERE c.key >= 'part/' AND c.key < $1 AND starts_with(c.key, 'part/') AND NOT EXISTS (SELECT 1 FROM blob b WHERE b.key = c.key)`,
    [partKey(Date.now() - olderThanMs, '')],
  );
  return rowCount ?? 0;
}

/**
 * Blobs in Postgres, in chunks of 1 MiB. Chunks are written under a key of their own outside any transaction (a long one
 * would hold back vacuum), then renamed to the blob's key in one short transaction, which makes the blob visible.
 */
export function postgresBlobStore(pool: Pool): BlobStore {
  async function put(key: string, source: AsyncIterable<Uint8Array>, options: PutOptions = {}): Promise<BlobInfo> {
    checkKey(key);
    // Begins with its time, so that what a killed process left behind is found by its key.
    const part = partKey(Date.now(), randomUUID());
    const measure = measured(options);
    try {
      let index = 0;
      for await (const chunk of sized(source, CHUNK)) {
        measure.take(chunk);
        await pool.query('INSERT INTO blob_chunk (key, index, data) VALUES ($1, $2, $3)', [part, index++, chunk]);
      }
      const info = { key, ...measure.finish() };
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [key]);
        await client.query('DELETE FROM blob_chunk WHERE key = $1', [key]);
        const moved = await client.query('UPDATE blob_chunk SET key = $1 WHERE key = $2', [key, part]);
        if (moved.rowCount !== index) throw new Error(`${index - (moved.rowCount ?? 0)} chunks of '${key}' are gone.`);
        await client.query(
          `INSERT INTO blob (key, bytes, digest) VALUES ($1, $2, $3)
           ON CONFLICT (key) DO UPDATE SET bytes = excluded.bytes, digest = excluded.digest, created_at = now()`,
          [key, info.bytes, info.digest],
        );
        await client.query('COMMIT');
      } catch (error) {
        await client.query('ROLLBACK').catch(() => {});
        throw error;
      } finally {
        client.release();
      }
      return info;
    } catch (error) {
      await pool.query('DELETE FROM blob_chunk WHERE key = $1', [part]).catch(() => {});
      throw spaceError(error);
    }
  }

  async function stat(key: string): Promise<BlobInfo | null> {
    checkKey(key);
    const { rows } = await pool.query<BlobRow>('SELECT key, bytes, digest FROM blob WHERE key = $1', [key]);
    return rows[0] === undefined ? null : infoOf(rows[0]);
  }

  /** The digest in the guard: a blob replaced while it is read ends the reading, never mixes two contents. */
  async function* chunks({ key, digest }: BlobInfo, start: number, end: number): AsyncGenerator<Buffer> {
    for (let index = Math.floor(start / CHUNK); index * CHUNK < end; index++) {
      const { rows } = await pool.query<{ data: Buffer }>(
        `SELECT c.data FROM blob b JOIN blob_chunk c ON c.key = b.key WHERE b.key = $1 AND b.digest = $2 AND c.index = $3`,
        [key, digest, index],
      );
      const data = rows[0]?.data;
      if (data === undefined) throw notFound(key);
      yield data.subarray(Math.max(0, start - index * CHUNK), Math.min(data.length, end - index * CHUNK));
    }
  }

  return {
    put,
    stat,
    async open(key, range) {
      const info = await stat(key);
      if (info === null) throw notFound(key);
      return Readable.from(chunks(info, range?.start ?? 0, Math.min(range?.end ?? info.bytes, info.bytes)));
    },
    async read(key) {
      const info = await stat(key);
      if (info === null) throw notFound(key);
      const all = Buffer.allocUnsafe(info.bytes);
      let at = 0;
      for await (const chunk of chunks(info, 0, info.bytes)) at += chunk.copy(all, at);
      return all;
    },
    async delete(key) {
      checkKey(key);
      await pool.query('WITH gone AS (DELETE FROM blob WHERE key = $1) DELETE FROM blob_chunk WHERE key = $1', [key]);
    },
    async *list(prefix) {
      for (let after = ''; ; ) {
        const { rows } = await pool.query<BlobRow>(
          'SELECT key, bytes, digest FROM blob WHERE starts_with(key, $1) AND key > $2 ORDER BY key LIMIT 1000',
          [prefix, after],
        );
        for (const row of rows) yield infoOf(row);
        if (rows.length < 1000) return;
        after = rows.at(-1)!.key;
      }
    },
    localPath: () => null,
  };
}
