import type { FileHandle } from 'node:fs/promises';

/** Small chunks are gathered up to this many bytes; twice as many are in memory at most. */
const GATHER = 1 << 20;

export interface WriteBehind {
  /** Takes the chunk, which must not be changed afterwards. Rejects when an earlier write failed. */
  write(chunk: Uint8Array): Promise<void>;
  /** Resolves when everything is written. */
  flush(): Promise<void>;
}

/** Writes in order while the next chunks are being received and hashed: one write is under way at a time. */
export function writeBehind(file: FileHandle): WriteBehind {
  let gathered: Uint8Array[] = [];
  let bytes = 0;
  let underWay: Promise<void> = Promise.resolve();

  const start = () => {
    const chunks = gathered;
    gathered = [];
    bytes = 0;
    underWay = writeAll(file, chunks);
    // Awaited by whoever writes next; until then a failure must not count as unhandled.
    underWay.catch(() => {});
  };
  return {
    async write(chunk) {
      gathered.push(chunk);
      bytes += chunk.byteLength;
      if (bytes < GATHER) return;
      await underWay;
      start();
    },
    async flush() {
      await underWay;
      start();
      await underWay;
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
