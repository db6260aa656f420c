import type { RunExample } from '../../training/messages.js';
import type { Picture } from './decode-picture.js';

export interface DecodedCache {
  /** The decoded picture, at once where it is kept. Equal files are decoded once. */
  get(example: RunExample): Picture | Promise<Picture>;
  /** What is kept, in bytes. */
  readonly bytes: number;
}

/**
 * Keeps decoded pictures in memory until `maxBytes` are full; the rest is decoded anew each time. Nothing is ever evicted:
 * an epoch visits every picture once, and there the least recently used one is the next one needed. A picture is the same
 * whether it was kept or not, because both come from `decode`.
 */
export function decodedCache(decode: (example: RunExample) => Promise<Picture>, maxBytes: number): DecodedCache {
  const kept = new Map<string, Picture>();
  const underway = new Map<string, Promise<Picture>>();
  let bytes = 0;
  const fetch = async (example: RunExample): Promise<Picture> => {
    try {
      const picture = await decode(example);
      if (bytes + picture.data.byteLength <= maxBytes) {
        bytes += picture.data.byteLength;
        kept.set(example.digest, picture);
      }
      return picture;
    } finally {
      underway.delete(example.digest);
    }
  };
  return {
    get(example) {
      const found = kept.get(example.digest) ?? underway.get(example.digest);
      if (found) return found;
      const coming = fetch(example);
      underway.set(example.digest, coming);
      return coming;
    },
    get bytes() {
      return bytes;
    },
  };
}
