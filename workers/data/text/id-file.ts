import { readSync } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';

/** Token ids of many texts, one text after the other, in a file: of a large set they would not fit into memory. */
export interface IdFile {
  /** Appends ids, int32 each. */
  add(ids: Int32Array): Promise<void>;
  /** Ids from `from` to before `to`. Throws where there are not as many. */
  read(from: number, to: number): Int32Array;
  close(): Promise<void>;
}

const BYTES = Int32Array.BYTES_PER_ELEMENT;

/** A file that nobody else sees and that is gone with the process, however that ends. */
export async function idFile(path: string): Promise<IdFile> {
  const file: FileHandle = await open(path, 'w+', 0o600);
  await unlink(path);
  let filled = 0;
  return {
    async add(ids) {
      const bytes = new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength);
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await file.write(bytes, at, bytes.length - at, filled * BYTES + at);
        at += bytesWritten;
      }
      filled += ids.length;
    },
    // Some kilobytes that were written a moment ago: sooner there than a round through the pool of threads.
    read(from, to) {
      const ids = new Int32Array(to - from);
      const read = readSync(file.fd, ids, 0, ids.byteLength, from * BYTES);
      if (read !== ids.byteLength) throw new Error(`the ids ${from} to ${to} of ${filled} cannot be read`);
      return ids;
    },
    close: () => file.close(),
  };
}
