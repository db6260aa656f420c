import { expect, it } from 'vitest';
import { binaryScores, thresholdOf } from '../../../src/tasks/classification/binary-scores.js';

const rows = (positive: readonly number[]) => Float32Array.from(positive.flatMap((p) => [1 - p, p]));
const LABELS = ['bad', 'good'];

it('counts pairs in the right order, ties half', () => {
  // good: 0.9, 0.5, 0.25; bad: 0.75, 0.5. Of six pairs 0.9 wins two, 0.5 ties one, the rest are lost: 2.5 of 6.
  const scores = binaryScores(LABELS, [1, 1, 1, 0, 0], rows([0.9, 0.5, 0.25, 0.75, 0.5]));
  expect(scores.positive).toBe('good');
  expect(scores.rocAuc).toBeCloseTo(2.5 / 6, 12);
  expect(binaryScores(LABELS, [1, 0], rows([0.9, 0.1])).rocAuc).toBe(1);
  expect(binaryScores(LABELS, [1, 1], rows([0.9, 0.1])).rocAuc).toBeNull();
});

it('finds the threshold of the largest F1, which a search over every threshold does not beat', () => {
  const actual = Array.from({ length: 200 }, (_, i) => (Math.sin(i * 7) > 0.2 ? 1 : 0));
  const p = actual.map((y, i) => Math.round(100 * (0.3 * y + 0.7 * Math.abs(Math.sin(i * 3)))) / 100);
  const best = binaryScores(LABELS, actual, rows(p));
  for (let t = 0; t <= 1; t += 0.005) expect(binaryScores(LABELS, actual, rows(p), t).f1).toBeLessThanOrEqual(best.f1);
  const again = binaryScores(LABELS, actual, rows(p), best.threshold);
  expect(again).toEqual(best);
  const hits = actual.filter((y, i) => y === 1 && Math.fround(p[i]!) >= best.threshold).length;
  expect(best.recall).toBeCloseTo(hits / actual.filter((y) => y === 1).length, 12);
});

it('stays near a half where any threshold between would do', () => {
  expect(binaryScores(LABELS, [1, 1, 0, 0], rows([0.9, 0.8, 0.2, 0.1])).threshold).toBeCloseTo(0.5, 6);
});

it('meets a wished precision with the largest recall, which no other threshold does better', () => {
  const actual = Array.from({ length: 200 }, (_, i) => (Math.sin(i * 7) > 0.2 ? 1 : 0));
  const p = actual.map((y, i) => Math.round(100 * (0.4 * y + 0.6 * Math.abs(Math.sin(i * 3)))) / 100);
  for (const wished of [0.5, 0.7, 0.9, 1]) {
    const { threshold, reached } = thresholdOf(actual, rows(p), wished);
    const found = binaryScores(LABELS, actual, rows(p), threshold!);
    expect(found.precision).toBeGreaterThanOrEqual(wished);
    expect(reached).toBe(1);
    for (let t = 0; t <= 1; t += 0.005) {
      const other = binaryScores(LABELS, actual, rows(p), t);
      if (other.precision >= wished) expect(other.recall).toBeLessThanOrEqual(found.recall);
    }
  }
});

it('says what is the largest precision where the wished one is met nowhere', () => {
  const { threshold, reached } = thresholdOf([0, 1, 1, 0], rows([0.9, 0.8, 0.7, 0.1]), 0.7);
  expect([threshold, reached]).toEqual([null, 2 / 3]);
  expect(thresholdOf([0, 0], rows([0.9, 0.8]), 0.1)).toEqual({ threshold: null, reached: 0 });
});
