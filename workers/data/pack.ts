import { createHash } from 'node:crypto';
import type { Example } from '../../src/domain/types.js';
import type { Seen } from './examine-messages.js';
import type { Hashed } from './near-duplicates.js';

/** What an example is that cannot be used. */
export const REJECTED = {
  label: null,
  split: null,
  offset: 0,
  bytes: 0,
  digest: null,
  width: null,
  height: null,
} as const;

export interface Packing {
  readonly labels: ReadonlyMap<string, { readonly label: string; readonly split: Example['split'] }>;
  readonly examine: (path: string, bytes: Uint8Array) => Promise<Seen>;
  /** Pictures that are examined at once. */
  readonly ahead: number;
  readonly signal: AbortSignal;
}
/** Filled while the pack is read, in the archive's order. */
export interface Packed {
  readonly examples: Example[];
  readonly hashes: Hashed[];
}

/**
 * The bytes of the pack: files that were found readable, one after the other, with `ahead` of them being examined. Equal
 * files are kept once; unreadable ones are kept only as a reason.
 */
export async function* packed(
  files: AsyncIterable<{ path: string; bytes: Buffer }>,
  packing: Packing,
  into: Packed,
): AsyncGenerator<Uint8Array> {
  const offsets = new Map<string, number>();
  let end = 0;
  const underway: { path: string; bytes: Buffer; seen: Promise<Seen> }[] = [];
  async function* settle(limit: number): AsyncGenerator<Uint8Array> {
    while (underway.length > limit) {
      const { path, bytes, seen } = underway.shift()!;
      const result = await seen;
      const index = into.examples.length;
      const { label, split } = packing.labels.get(path)!;
      if ('problem' in result) {
        into.examples.push({ ...REJECTED, index, path, label, split, problem: result.problem });
        continue;
      }
      const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
      let offset = offsets.get(digest);
      if (offset === undefined) {
        offset = end;
        offsets.set(digest, offset);
        end += bytes.byteLength;
        yield bytes;
      }
      const { width, height, hash, colours, contrast } = result.image;
      const placed = { offset, bytes: bytes.byteLength, digest, width, height };
      into.examples.push({ index, path, label, split, ...placed, problem: null });
      into.hashes.push({ index, hash, colours, contrast });
    }
  }
  for await (const { path, bytes } of files) {
    packing.signal.throwIfAborted();
    const seen = packing.examine(path, bytes);
    // Thrown when its turn comes; those behind a failure must not end the process.
    seen.catch(() => {});
    underway.push({ path, bytes, seen });
    yield* settle(packing.ahead - 1);
  }
  yield* settle(0);
}
