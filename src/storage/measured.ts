import { createHash } from 'node:crypto';
import { GraftError } from '../errors.js';
import type { PutOptions } from './blob.js';

const KEY = /^[A-Za-z0-9._:-]+(\/[A-Za-z0-9._:-]+)*$/;

/** Keys become file paths: nothing that could climb or hide. */
export function checkKey(key: string): void {
  if (!KEY.test(key) || key.length > 512 || key.split('/').some((part) => part === '.' || part === '..')) {
    throw new Error(`'${key}' is not a blob key.`);
  }
}

/** Passes chunks on while counting and hashing them; `finish` gives bytes and digest, or refuses. */
export function measured(options: PutOptions) {
  const hash = createHash('sha256');
  let bytes = 0;
  return {
    take(chunk: Uint8Array): void {
      options.signal?.throwIfAborted();
      bytes += chunk.byteLength;
      if (options.maxBytes !== undefined && bytes > options.maxBytes) {
        throw new GraftError('too-large', `More than the ${options.maxBytes} bytes that are taken here.`);
      }
      hash.update(chunk);
    },
    finish(): { bytes: number; digest: string } {
      options.signal?.throwIfAborted();
      const digest = `sha256:${hash.digest('hex')}`;
      if (options.expectedDigest !== undefined && options.expectedDigest !== digest) {
        throw new GraftError(
          'digest-mismatch',
          `The content has digest ${digest}, announced was ${options.expectedDigest}.`,
        );
      }
      return { bytes, digest };
    },
  };
}

export function notFound(key: string): GraftError {
  return new GraftError('not-found', `There is no blob '${key}'.`);
}
