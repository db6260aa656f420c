import { describe, expect, it } from 'vitest';
import { tokenTexts } from '../../../workers/data/text/batches.js';
import { rowTable } from '../../../workers/data/text/row-table.js';
import { logitsOf } from '../../../workers/training/fine-tune/measure.js';
import { heldTexts, type PaddedRows, textPart, textSource } from '../../../workers/training/fine-tune/texts.js';
import type { Tuner } from '../../../workers/training/fine-tune/trainer.js';
import { chosenLongText } from '../../../workers/training/long-text.js';

/** Texts of these numbers of ids, read six at a time; neighbouring windows share two. */
const LENGTHS = Int32Array.of(3, 9, 2, 20, 4);
const rule = { specials: { before: [], after: [] }, most: 6, windows: { overlap: 2, most: 8 } };
const table = rowTable(LENGTHS, rule);
/** Every id of a row is the row's number. */
const all: PaddedRows = {
  lengths: table.counts,
  read: (rows) => tokenTexts(rows.map((row) => Array<number>(table.counts[row]!).fill(row))),
};

describe('windows in fine-tuning', () => {
  it('count together what a text of one row counts, and all rows one on average', async () => {
    const labels = Int32Array.of(1, 0, 1);
    const part = textPart(table, 1, 3);
    // 9 ids in two windows, 2 in one, 20 in five: the last begins at 16.
    expect([...part.of]).toEqual([0, 0, 1, 2, 2, 2, 2, 2]);
    const source = textSource(all, part, labels, 2);
    const rows = [...part.of.keys()];
    const { data, targets } = await source.batch(0, rows);
    expect(source.n).toBe(8);
    const byText = [0, 0, 0];
    rows.forEach((row, i) => {
      const [off, on] = labels[part.of[row]!] === 1 ? [0, 1] : [1, 0];
      expect(targets[2 * i + off]).toBe(0);
      byText[part.of[row]!]! += targets[2 * i + on]!;
      expect(data[6 * i]).toBe(part.from + row);
    });
    for (const weight of byText) expect(weight).toBeCloseTo(8 / 3, 5);
  });

  it('give a text the mean of their logits, by their tokens, in whatever order they are measured', async () => {
    const held = heldTexts(all, textPart(table, 2, 3), Int32Array.of(0, 1, 0));
    // What this network says of a row is the row's number, and its square.
    const net = {
      logits: async (data: Int32Array) =>
        Float32Array.from({ length: 8 }, (_, i) => data[(i >> 1) * (data.length / 4)]! ** (1 + (i & 1))),
    } as unknown as Tuner;
    const logits = await logitsOf(net, held, { microBatch: 4, classes: 2 });
    for (const [i, text] of [2, 3, 4].entries()) {
      const rows = [...table.of.keys()].filter((row) => table.of[row] === text);
      const tokens = rows.reduce((sum, row) => sum + table.counts[row]!, 0);
      for (const c of [0, 1]) {
        const mean = rows.reduce((sum, row) => sum + (table.counts[row]! / tokens) * row ** (1 + c), 0);
        expect(logits[2 * i + c]).toBeCloseTo(mean, 4);
      }
    }
  });
});

describe('what becomes of long texts', () => {
  const of = (long: number, given?: 'truncate' | 'windows') => chosenLongText(given, { texts: 100, long, limit: 128 });

  it('follows from how many there are, or from what the user said', () => {
    expect(of(0).longText).toBe('truncate');
    expect(of(10).longText).toBe('truncate');
    const many = of(11);
    expect(many.longText).toBe('windows');
    expect(many.chosen).toEqual([
      { name: 'longText', value: 'windows', why: expect.stringMatching(/^11 of 100 texts \(11\.0 %\).*128 tokens/) },
    ]);
    expect(of(50, 'truncate')).toEqual({ longText: 'truncate', chosen: [] });
    expect(of(0, 'windows')).toEqual({ longText: 'windows', chosen: [] });
  });
});
