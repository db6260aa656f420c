import type { FileHandle } from 'node:fs/promises';

/** Small chunks are gathered up to this many bytes; twice as many are in memory at most. */
const GATHER = 1 << 20;
/** After every so many bytes the disk is asked to take what it has got, so that little is left to wait for at the end. */
const SYNC = 32 << 20;

export interface WriteBehind {
  /** Takes the chunk, which must not be changed afterwards. Rejects when an earlier write failed. */
  write(chunk: Uint8Array): Promise<void>;
  /** Resolves when everything is written. */
  flush(): Promise<void>;
}

/**
 * Writes in order while the next chunks are being received and hashed: one write is under way at a time, and one sync. The
 * file still has to be synced at the end.
 */
export function writeBehind(file: FileHandle): WriteBehind {
  let gathered: Uint8Array[] = [];
  let bytes = 0;
  let underWay: Promise<void> = Promise.resolve();
  let unsynced = 0;
  let syncing: Promise<void> | null = null;
  let lost: { readonly error: unknown } | null = null;

  const start = () => {
    const chunks = gathered;
    gathered = [];
    bytes = 0;
    underWay = writeAll(file, chunks);
    // Awaited by whoever writes next; until then a failure must not count as unhandled.
    underWay.catch(() => {});
  };
  // The kernel tells of a failed write to the disk once only: whoever hears of it must keep it.
  const sync = () => {
    unsynced = 0;
    syncing = file
      .datasync()
      .catch((error: unknown) => {
        lost ??= { error };
      })
      .finally(() => {
        syncing = null;
      });
  };
  return {
    async write(chunk) {
      gathered.push(chunk);
      bytes += chunk.byteLength;
      if (bytes < GATHER) return;
      await underWay;
      if (lost !== null) throw lost.error;
      unsynced += bytes;
      start();
      if (unsynced >= SYNC && syncing === null) sync();
    },
    async flush() {
      await underWay;
      start();
      await underWay;
      await syncing;
      if (lost !== null) throw lost.error;
    },
  };
}

async function writeAll(file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  let rest = chunks.filter((chunk) => chunk.byteLength > 0);
  while (rest.length > 0) {
    let { bytesWritten } = await file.writev([...rest]);
    // A full disk or a signal may cut a write short; what is left goes into the next.
    const left: Uint8Array[] = [];
    for (const chunk of rest) {
      if (bytesWritten < chunk.byteLength) left.push(chunk.subarray(bytesWritten));
      bytesWritten = Math.max(0, bytesWritten - chunk.byteLength);
    }
    rest = left;
  }
}
