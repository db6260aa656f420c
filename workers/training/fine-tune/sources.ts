import { open } from 'node:fs/promises';
import type { Preprocessing } from '../../../src/domain/types.js';
import type { RunExample } from '../messages.js';
import { decodeAhead, packReader } from '../picture-features.js';
import type { HeldSource } from './measure.js';
import type { TuneSource } from './plan.js';

/** Rows that were computed once: what the frozen part says of each example, row-major [n, width]. */
export function rowSource(rows: Float32Array, width: number, labels: Int32Array, classes: number): TuneSource {
  return {
    n: labels.length,
    batch: async (_epoch, chosen) => {
      const data = new Float32Array(chosen.length * width);
      for (const [i, row] of chosen.entries()) data.set(rows.subarray(row * width, (row + 1) * width), i * width);
      return { data, targets: oneHot(chosen, labels, classes) };
    },
  };
}

export function oneHot(rows: readonly number[], labels: Int32Array, classes: number): Float32Array {
  const targets = new Float32Array(rows.length * classes);
  rows.forEach((row, i) => {
    targets[i * classes + labels[row]!] = 1;
  });
  return targets;
}

/** Rows to measure on; the last batch is filled up with zeros. */
export function heldRows(rows: Float32Array, width: number, labels: Int32Array): HeldSource {
  return {
    labels,
    async *batches(size) {
      for (let at = 0; at < labels.length; at += size) {
        const data = new Float32Array(size * width);
        data.set(rows.subarray(at * width, Math.min(labels.length, at + size) * width));
        yield data;
      }
    },
  };
}

/** Decoded pictures up to this size are kept from one measuring to the next. */
const KEPT_BYTES = 256 * 1024 * 1024;

/** Bytes of pictures to measure on that are kept. */
export const heldBytes = (examples: number, bytes: number): number =>
  examples * bytes <= KEPT_BYTES ? examples * bytes : 0;

/** Pictures to measure on, prepared as predictions are. */
export function heldPictures(
  packPath: string,
  examples: readonly RunExample[],
  labels: Int32Array,
  preprocessing: Preprocessing,
  bytes: number,
): HeldSource {
  const kept: Uint8Array[] | null = examples.length * bytes <= KEPT_BYTES ? [] : null;
  async function* pictures(): AsyncGenerator<Uint8Array> {
    if (kept !== null && kept.length === examples.length) {
      yield* kept;
      return;
    }
    const pack = await open(packPath, 'r');
    try {
      let i = 0;
      for await (const picture of decodeAhead(examples, packReader(pack, preprocessing))) {
        if (kept !== null) kept[i++] = picture;
        yield picture;
      }
    } finally {
      await pack.close();
    }
  }
  return {
    labels,
    async *batches(size) {
      let data = new Uint8Array(size * bytes);
      let filled = 0;
      for await (const picture of pictures()) {
        data.set(picture, filled++ * bytes);
        if (filled < size) continue;
        yield data;
        data = new Uint8Array(size * bytes);
        filled = 0;
      }
      if (filled > 0) yield data;
    },
  };
}
