import type { TextInput } from '../../src/domain/types.js';
import { pooledWindows } from '../../src/tasks/text-classification/window-scores.js';
import { idsRead, type RowRule, rowOf, spansOf } from '../data/text/windows.js';
import type { Asking, Batched } from './batcher.js';
import type { Tokenizer } from './tokenizer.js';
import type { Trunk } from './trunk.js';

/** What a model says of one input. */
export interface Said {
  readonly probabilities: Float32Array;
  /** Whether its text was longer than what is read. */
  readonly truncated: boolean;
  /** Windows that its text was read in. */
  readonly windows: number;
}

/** What a head says of a text: of its one row, or of its windows together. Their waits are the longest of them. */
export async function predictText(
  text: string,
  { tokenizer, trunk, head }: { readonly tokenizer: Tokenizer; readonly trunk: Trunk; readonly head: string },
  { maxLength, windows }: Pick<TextInput, 'maxLength' | 'windows'>,
  asking: Asking,
): Promise<Batched<Said>> {
  const most = Math.min(maxLength, trunk.mostTokens ?? maxLength);
  const rule: RowRule = { specials: tokenizer.specials, most, ...(windows && { windows }) };
  const { ids, length } = await tokenizer.encode(text, idsRead(rule), asking);
  const { spans, cut } = spansOf(length, rule);
  const rows = spans.map(({ from, to }) => rowOf(rule.specials, ids.subarray(from, to)));
  const said = await Promise.all(rows.map((row) => trunk.predict(row, head, asking)));
  const longest = (of: (one: (typeof said)[number]) => number) => Math.max(...said.map(of));
  const probabilities = pooledWindows(
    said.map(({ value }) => value.probabilities),
    rows.map((row) => row.length),
  );
  return {
    value: { probabilities, truncated: cut, windows: rows.length },
    queueMs: longest(({ queueMs }) => queueMs),
    runMs: longest(({ runMs }) => runMs),
    batch: longest(({ batch }) => batch),
  };
}
