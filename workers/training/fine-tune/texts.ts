import type { TokenTexts } from '../../data/text/batches.js';
import type { RowTable } from '../../data/text/row-table.js';
import type { HeldSource } from './measure.js';
import { PADDING } from './pass-input.js';
import type { TuneSource } from './plan.js';

/** Rows of texts, and what each is padded to. */
export interface PaddedRows {
  readonly lengths: Int32Array;
  /** Ids of rows, in the order asked for. */
  read(rows: readonly number[]): TokenTexts;
}
/** The rows of some of the texts, from row `from` on. */
export interface TextPart {
  readonly from: number;
  /** Of each row: its text, counted from the first of these. */
  readonly of: Int32Array;
  /** Each row's share in what is said of its text: by its tokens. */
  readonly shares: Float32Array;
}

/** The rows of `n` texts from text `first` on. */
export function textPart({ firstRows, of, counts }: RowTable, first: number, n: number): TextPart {
  const [from, to] = [firstRows[first]!, firstRows[first + n]!];
  const tokens = new Float64Array(n);
  for (let row = from; row < to; row++) tokens[of[row]! - first]! += counts[row]!;
  return {
    from,
    of: of.slice(from, to).map((text) => text - first),
    shares: Float32Array.from({ length: to - from }, (_, i) => counts[from + i]! / tokens[of[from + i]! - first]!),
  };
}

/** These rows, padded to the longest of their lengths: int32 [rows, length]. */
function padded({ lengths, read }: PaddedRows, rows: readonly number[]): Int32Array {
  const length = rows.reduce((most, row) => Math.max(most, lengths[row]!), 1);
  const data = new Int32Array(rows.length * length).fill(PADDING);
  const { ids, starts } = read(rows);
  rows.forEach((_, i) => {
    data.set(ids.subarray(starts[i]!, starts[i + 1]!), i * length);
  });
  return data;
}

/**
 * Rows of texts to train on, `labels` by text. The windows of a text weigh together what a text of one row does; all rows weigh 1 on
 * average, so that a batch's loss is of the size that it has without windows.
 */
export function textSource(all: PaddedRows, { from, of }: TextPart, labels: Int32Array, classes: number): TuneSource {
  const windows = new Int32Array(labels.length);
  for (const text of of) windows[text]!++;
  const scale = of.length / labels.length;
  return {
    n: of.length,
    lengths: all.lengths.subarray(from, from + of.length),
    async batch(_epoch, rows) {
      const targets = new Float32Array(rows.length * classes);
      rows.forEach((row, i) => {
        targets[i * classes + labels[of[row]!]!] = scale / windows[of[row]!]!;
      });
      return {
        data: padded(
          all,
          rows.map((row) => from + row),
        ),
        targets,
      };
    },
  };
}

/** Rows of texts to measure on, the short ones first; the last batch is filled up with copies of its first. */
export function heldTexts(all: PaddedRows, { from, of, shares }: TextPart, labels: Int32Array): HeldSource {
  const order = [...of.keys()].sort((a, b) => all.lengths[from + a]! - all.lengths[from + b]!);
  return {
    labels,
    order,
    rows: { of, shares },
    async *batches(size) {
      for (let at = 0; at < order.length; at += size) {
        const real = order.slice(at, at + size);
        const rows = Array.from({ length: size }, (_, i) => from + (real[i] ?? real[0]!));
        yield padded(all, rows);
        // The engine blocks this thread: what it is told meanwhile is heard between two batches.
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
    },
  };
}
