import { describe, expect, it } from 'vitest';
import { pooledWindows } from '../../../../src/tasks/text-classification/window-scores.js';
import { rowTable } from '../../../../workers/data/text/row-table.js';
import { idsRead, type RowRule, spansOf } from '../../../../workers/data/text/windows.js';

const specials = { before: [101], after: [102] };
/** Ten ids of a row, eight of them the text's own. */
const cut: RowRule = { specials, most: 10 };
const split: RowRule = { ...cut, windows: { overlap: 3, most: 4 } };

describe('rows of a text', () => {
  it('are one where it fits, and its beginning where long texts are cut off', () => {
    for (const rule of [cut, split]) {
      expect(spansOf(0, rule)).toEqual({ spans: [{ from: 0, to: 0 }], cut: false });
      expect(spansOf(8, rule)).toEqual({ spans: [{ from: 0, to: 8 }], cut: false });
    }
    expect(spansOf(9, cut)).toEqual({ spans: [{ from: 0, to: 8 }], cut: true });
    expect(idsRead(cut)).toBe(8);
  });

  it('are windows that overlap, together all of it, up to the most', () => {
    expect(spansOf(9, split).spans).toEqual([
      { from: 0, to: 8 },
      { from: 5, to: 9 },
    ]);
    for (let length = 9; length <= 23; length++) {
      const { spans, cut } = spansOf(length, split);
      expect(cut).toBe(false);
      expect(spans.at(-1)!.to).toBe(length);
      spans.slice(1).forEach(({ from, to }, i) => {
        expect(spans[i]!.to - from).toBe(3);
        // What it has in common with the one before is not all of it.
        expect(to - from).toBeGreaterThan(3);
      });
    }
    expect(idsRead(split)).toBe(23);
    expect(spansOf(24, split)).toEqual({ spans: spansOf(23, split).spans, cut: true });
  });

  it('of many texts stand behind one another', () => {
    const table = rowTable(Int32Array.of(3, 9, 0, 40), split);
    expect([...table.firstRows]).toEqual([0, 1, 3, 4, 8]);
    expect([...table.of]).toEqual([0, 1, 1, 2, 3, 3, 3, 3]);
    expect([...table.from]).toEqual([0, 0, 5, 0, 0, 5, 10, 15]);
    expect([...table.counts]).toEqual([5, 10, 6, 2, 10, 10, 10, 10]);
    expect(table.cut).toBe(1);
  });
});

describe('scores of windows', () => {
  const softmax = (logits: readonly number[]): Float32Array => {
    const powers = logits.map(Math.exp);
    const sum = powers.reduce((a, b) => a + b);
    return Float32Array.from(powers, (x) => x / sum);
  };

  it('are what the softmax of their logits averaged by tokens is, without the logits', () => {
    const [a, b] = [
      [1, -2, 0.5],
      [-3, 4, 1],
    ];
    const wanted = softmax(a!.map((x, c) => (10 * x + 6 * b![c]!) / 16));
    const pooled = pooledWindows([softmax(a!), softmax(b!)], [10, 6]);
    wanted.forEach((p, c) => {
      expect(pooled[c]).toBeCloseTo(p, 6);
    });
  });

  it('of one window are its own, and stay numbers where a probability is zero', () => {
    const only = Float32Array.of(0.25, 0.75);
    expect(pooledWindows([only], [7])).toBe(only);
    const sure = pooledWindows([Float32Array.of(1, 0), Float32Array.of(0.5, 0.5)], [1, 1]);
    expect(sure[0]).toBeCloseTo(1, 6);
    expect(sure.every(Number.isFinite)).toBe(true);
  });
});
