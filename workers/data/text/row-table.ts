import { type RowRule, spansOf } from './windows.js';

/** The rows of many texts, one text's behind the other's. */
export interface RowTable {
  /** First row of each text; one more than there are texts. */
  readonly firstRows: Int32Array;
  /** Of each row: its text, where it begins in the text's own ids, and its tokens, special ones included. */
  readonly of: Int32Array;
  readonly from: Int32Array;
  readonly counts: Int32Array;
  /** Texts whose end is in no row. */
  readonly cut: number;
}

/** Rows of texts of these numbers of own ids. */
export function rowTable(lengths: Int32Array, rule: RowRule): RowTable {
  const around = rule.specials.before.length + rule.specials.after.length;
  const firstRows = new Int32Array(lengths.length + 1);
  const found: { text: number; from: number; to: number }[] = [];
  let cut = 0;
  lengths.forEach((length, text) => {
    const rows = spansOf(length, rule);
    for (const span of rows.spans) found.push({ text, ...span });
    if (rows.cut) cut++;
    firstRows[text + 1] = found.length;
  });
  return {
    firstRows,
    of: Int32Array.from(found, ({ text }) => text),
    from: Int32Array.from(found, ({ from }) => from),
    counts: Int32Array.from(found, ({ from, to }) => to - from + around),
    cut,
  };
}
