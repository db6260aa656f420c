import type { TextInput } from '../../../src/domain/types.js';
import type { DataType } from '../../../src/onnx/index.js';
import type { Feeds, HostTensor } from '../../executors/executor.js';

/** Texts as token ids, one after the other; `starts` has one more entry than there are texts. */
export interface TokenTexts {
  readonly ids: Int32Array;
  readonly starts: Int32Array;
}
/** Texts whose ids are there row by row. */
export function tokenTexts(rows: readonly (readonly number[])[]): TokenTexts {
  const starts = new Int32Array(rows.length + 1);
  rows.forEach((ids, i) => {
    starts[i + 1] = starts[i]! + ids.length;
  });
  return { ids: Int32Array.from(rows.flat()), starts };
}
/** Texts of one pass, by their place in the list, and the length that they are padded to. */
export interface LengthBatch {
  readonly rows: readonly number[];
  readonly length: number;
}

/**
 * Lengths are padded to a multiple of this where a call brings few texts. A text's padding depends on nothing but itself, so its
 * features do not depend on which others are computed with it, and are the same to the last bits whatever the cache held already.
 */
const STEP = 4;
/** Tokens of one pass: enough for full speed, few enough for the caches. */
export const TOKENS_A_PASS = 1024;

export const paddedLength = (length: number, most: number, step: number = STEP): number =>
  Math.min(most, Math.ceil(length / step) * step);

/** Batches of texts of about one length, the short ones first. Of thousands, a `step` of 1 fills passes without any padding. */
export function lengthBatches(starts: Int32Array, most: number, step?: number): readonly LengthBatch[] {
  const groups = new Map<number, number[]>();
  for (let row = 0; row + 1 < starts.length; row++) {
    const length = paddedLength(starts[row + 1]! - starts[row]!, most, step);
    const group = groups.get(length);
    if (group) group.push(row);
    else groups.set(length, [row]);
  }
  return [...groups]
    .sort(([a], [b]) => a - b)
    .flatMap(([length, rows]) => {
      const size = Math.max(1, Math.floor(TOKENS_A_PASS / length));
      return Array.from({ length: Math.ceil(rows.length / size) }, (_, i) => ({
        rows: rows.slice(i * size, (i + 1) * size),
        length,
      }));
    });
}

/** What the inputs of a graph take for a batch: ids padded with `padId`, a mask of 1 and 0, token types of 0. */
export function textFeeds(
  inputs: readonly { readonly name: string; readonly dataType: string }[],
  { inputs: roles, padId }: TextInput,
  { ids, starts }: TokenTexts,
  { rows, length }: LengthBatch,
): Feeds {
  const dims = [rows.length, length];
  const filled = (dataType: DataType, fill: number, of: (at: number) => number): HostTensor => {
    const n = rows.length * length;
    const data = dataType === 'int32' ? new Int32Array(n).fill(fill) : new BigInt64Array(n).fill(BigInt(fill));
    rows.forEach((row, i) => {
      const [from, to] = [starts[row]!, starts[row + 1]!];
      for (let at = from; at < to; at++) {
        const value = of(at);
        const place = i * length + at - from;
        if (data instanceof Int32Array) data[place] = value;
        else data[place] = BigInt(value);
      }
    });
    return { dataType: dataType === 'int32' ? 'int32' : 'int64', dims, data };
  };
  return Object.fromEntries(
    inputs.map(({ name, dataType }) => {
      const type = dataType as DataType;
      if (name === roles.ids) return [name, filled(type, padId, (at) => ids[at]!)];
      return [name, name === roles.mask ? filled(type, 0, () => 1) : filled(type, 0, () => 0)];
    }),
  );
}
