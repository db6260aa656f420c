import type { FileHandle } from 'node:fs/promises';
import { GraftError } from '../../../src/errors.js';
import type { RunExample } from '../../training/messages.js';

/**
 * Reads one example's bytes from the pack and decodes them.
 *
 * @throws GraftError `internal` where the pack is too short, `dataset-invalid` that names the picture where it is broken.
 */
export async function readPicture<T>(
  pack: FileHandle,
  example: RunExample,
  decode: (bytes: Uint8Array) => Promise<T>,
): Promise<T> {
  const bytes = Buffer.allocUnsafe(example.bytes);
  const { bytesRead } = await pack.read(bytes, 0, example.bytes, example.offset);
  if (bytesRead !== example.bytes) {
    const detail = `The pack ends inside '${example.path}' (${bytesRead} of ${example.bytes} bytes).`;
    throw new GraftError('internal', detail);
  }
  try {
    return await decode(bytes);
  } catch (error) {
    if (!(error instanceof GraftError)) throw error;
    const code = error.options.errors?.[0]?.code ?? error.code;
    const errors = [{ path: example.path, code, detail: error.detail }];
    throw new GraftError('dataset-invalid', `'${example.path}' cannot be read: ${error.detail}`, { errors });
  }
}
