import { describe, expect, it } from 'vitest';
import { evaluate, wilson } from '../../../src/tasks/classification/metrics.js';

describe('evaluation', () => {
  // Four pictures worked out by hand: cat right (0.8), cat called dog (0.6), dog right (0.9), bird called dog (0.5).
  const labels = ['bird', 'cat', 'dog'];
  const actual = [1, 1, 2, 0];
  const probabilities = Float32Array.from([0.1, 0.8, 0.1, 0, 0.4, 0.6, 0.05, 0.05, 0.9, 0.25, 0.25, 0.5]);
  const e = evaluate(labels, actual, probabilities, 1);

  it('counts what is right, and what the most frequent class would get', () => {
    expect(e.examples).toBe(4);
    expect(e.accuracy).toBe(0.5);
    expect(e.baseline).toEqual({ label: 'cat', accuracy: 0.5 });
    expect(e.confusion.matrix).toEqual([
      [0, 0, 1],
      [0, 1, 1],
      [0, 0, 1],
    ]);
  });

  it('gives precision, recall and F1 of each class; 0 where a class is never predicted', () => {
    const [bird, cat, dog] = e.classes;
    expect(bird).toEqual({ label: 'bird', support: 1, predicted: 0, precision: 0, recall: 0, f1: 0 });
    expect(cat).toMatchObject({ support: 2, predicted: 1, precision: 1, recall: 0.5 });
    expect(cat!.f1).toBeCloseTo(2 / 3, 12);
    expect(dog).toMatchObject({ support: 1, predicted: 3, recall: 1 });
    expect(dog!.precision).toBeCloseTo(1 / 3, 12);
    expect(dog!.f1).toBeCloseTo(0.5, 12);
    expect(e.macro.recall).toBeCloseTo((0 + 0.5 + 1) / 3, 12);
  });

  it('gives the mean log loss and the calibration error', () => {
    expect(e.logLoss).toBeCloseTo(-(Math.log(0.8) + Math.log(0.4) + Math.log(0.9) + Math.log(0.25)) / 4, 6);
    // Each picture is alone in its bin of width 1/15: |0.8-1|, |0.6-0|, |0.9-1|, |0.5-0|, weighted 1/4 each.
    expect(e.calibration.ece).toBeCloseTo((0.2 + 0.6 + 0.1 + 0.5) / 4, 6);
    // As float32, 0.6 and 0.8 lie just above the edges 9/15 and 12/15.
    expect(e.calibration.bins.map((b) => b.count)).toEqual([0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1, 0]);
    expect(e.calibration.bins[0]).toMatchObject({ low: 0, confidence: null, accuracy: null });
  });

  it("gives Wilson's interval: the shares from which the one seen is 1.96 standard deviations away", () => {
    for (const [hits, n] of [
      [146, 153],
      [1, 7],
      [50, 100],
    ] as const) {
      const { low, high } = wilson(hits, n);
      for (const p of [low, high])
        expect(Math.abs(hits / n - p) / Math.sqrt((p * (1 - p)) / n)).toBeCloseTo(1.959963984540054, 9);
      expect(low).toBeLessThan(hits / n);
      expect(high).toBeGreaterThan(hits / n);
    }
    expect(wilson(0, 10).low).toBe(0);
    expect(wilson(10, 10).high).toBe(1);
    expect(wilson(0, 0)).toEqual({ low: 0, high: 1, level: 0.95 });
  });

  it('survives a probability that was rounded to nothing', () => {
    const sure = evaluate(['a', 'b'], [0], Float32Array.of(0, 1), 0);
    expect(sure.logLoss).toBeGreaterThan(80);
    expect(Number.isFinite(sure.logLoss)).toBe(true);
  });
});
