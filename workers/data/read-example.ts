import type { FileHandle } from 'node:fs/promises';
import { GraftError } from '../../src/errors.js';

/** Where an example lies in a pack; `path` is what it is called in words. */
export interface PackPlace {
  readonly offset: number;
  readonly bytes: number;
  readonly path?: string;
}

/** The bytes of one example of a pack. Throws `internal` where the pack ends inside it. */
export async function readExample(pack: FileHandle, { offset, bytes: size, path }: PackPlace): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(size);
  const { bytesRead } = await pack.read(bytes, 0, size, offset);
  if (bytesRead === size) return bytes;
  const what = path === undefined ? 'an example' : `'${path}'`;
  throw new GraftError('internal', `The pack ends inside ${what} (${bytesRead} of ${size} bytes).`);
}
