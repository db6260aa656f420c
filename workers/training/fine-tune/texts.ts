import type { TokenTexts } from '../../data/text/batches.js';
import { tokenWindows } from '../../data/text/tokens.js';
import type { RunExample, TextRunInput } from '../messages.js';
import type { HeldSource } from './measure.js';
import { PADDING } from './pass-input.js';
import type { TuneSource } from './plan.js';
import { oneHot } from './sources.js';

/** Texts as token ids, and what each is padded to. */
export interface LongTexts extends TokenTexts {
  readonly lengths: Int32Array;
}

/** All texts of a run as token ids, each cut off behind `most`. */
export async function tokensOf(
  { tokenizer }: TextRunInput,
  packPath: string,
  examples: readonly RunExample[],
  most: number,
): Promise<TokenTexts> {
  const parts: Int32Array[] = [];
  const starts = new Int32Array(examples.length + 1);
  let [row, filled] = [0, 0];
  for await (const window of tokenWindows({ tokenizerPath: tokenizer.path, packPath, most }, examples)) {
    parts.push(window.ids);
    for (let i = 1; i < window.starts.length; i++) starts[++row] = filled + window.starts[i]!;
    filled += window.ids.length;
  }
  const ids = new Int32Array(filled);
  parts.reduce((at, part) => {
    ids.set(part, at);
    return at + part.length;
  }, 0);
  return { ids, starts };
}

/** Tokens of each text. */
export const countsOfTokens = ({ starts }: TokenTexts): Int32Array => starts.slice(1).map((end, i) => end - starts[i]!);

/** Rows of these texts, padded to the longest of their lengths: int32 [rows, length]. */
function padded({ ids, starts, lengths }: LongTexts, rows: readonly number[]): Int32Array {
  const length = rows.reduce((most, row) => Math.max(most, lengths[row]!), 1);
  const data = new Int32Array(rows.length * length).fill(PADDING);
  rows.forEach((row, i) => {
    data.set(ids.subarray(starts[row]!, starts[row + 1]!), i * length);
  });
  return data;
}

/** Texts `from` to `from + labels.length` to train on. */
export function textSource(texts: LongTexts, from: number, labels: Int32Array, classes: number): TuneSource {
  return {
    n: labels.length,
    lengths: texts.lengths.subarray(from, from + labels.length),
    batch: async (_epoch, rows) => ({
      data: padded(
        texts,
        rows.map((row) => from + row),
      ),
      targets: oneHot(rows, labels, classes),
    }),
  };
}

/** Texts to measure on, the short ones first; the last batch is filled up with copies of its first. */
export function heldTexts(texts: LongTexts, from: number, labels: Int32Array): HeldSource {
  const order = [...labels.keys()].sort((a, b) => texts.lengths[from + a]! - texts.lengths[from + b]!);
  return {
    labels,
    order,
    async *batches(size) {
      for (let at = 0; at < order.length; at += size) {
        const real = order.slice(at, at + size);
        const rows = Array.from({ length: size }, (_, i) => from + (real[i] ?? real[0]!));
        yield padded(texts, rows);
        // The engine blocks this thread: what it is told meanwhile is heard between two batches.
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
    },
  };
}
