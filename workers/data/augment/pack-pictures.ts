import type { FileHandle } from 'node:fs/promises';
import { GraftError } from '../../../src/errors.js';
import type { RunExample } from '../../training/messages.js';
import { readExample } from '../read-example.js';

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
  const bytes = await readExample(pack, example);
  try {
    return await decode(bytes);
  } catch (error) {
    if (!(error instanceof GraftError)) throw error;
    const code = error.options.errors?.[0]?.code ?? error.code;
    const errors = [{ path: example.path, code, detail: error.detail }];
    throw new GraftError('dataset-invalid', `'${example.path}' cannot be read: ${error.detail}`, { errors });
  }
}
