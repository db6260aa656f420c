import { describe, expect, it } from 'vitest';
import { splitExamples, stratifiedFolds } from '../../../src/tasks/classification/splits.js';

const made = (n: number, labels: readonly string[], extra: object = {}) =>
  Array.from({ length: n }, (_, index) => ({
    index,
    label: labels[index % labels.length]!,
    split: null as 'train' | 'validation' | 'test' | null,
    digest: `sha256:${index}`,
    ...extra,
  }));

describe('splits', () => {
  it("uses the data's own validation split, and leaves test out of both", () => {
    const examples = made(9, ['a', 'b']).map((e, i) => ({
      ...e,
      split: (['train', 'validation', 'test'] as const)[i % 3]!,
    }));
    const { train, validation, test, own } = splitExamples(examples, null, 1);
    expect([train.length, validation.length, test.length, own]).toEqual([3, 3, 3, true]);
    const drawn = splitExamples(examples, 0.5, 1);
    expect(drawn.own).toBe(false);
    expect(drawn.test).toEqual(test);
  });

  it('draws a fifth of every class from the seed, at least one of a class of two', () => {
    const examples = [...made(100, ['a', 'b']), ...made(2, ['rare']).map((e) => ({ ...e, digest: `r${e.index}` }))];
    const first = splitExamples(examples, null, 7);
    const count = (label: string) => first.validation.filter((e) => e.label === label).length;
    expect([count('a'), count('b'), count('rare')]).toEqual([10, 10, 1]);
    expect(splitExamples(examples, null, 7)).toEqual(first);
    expect(splitExamples(examples, null, 8).validation).not.toEqual(first.validation);
    expect(first.train.length + first.validation.length).toBe(102);
  });

  it('keeps copies of a picture on one side', () => {
    const examples = made(60, ['a', 'b']).map((e) => ({ ...e, digest: `sha256:${Math.floor(e.index / 6)}${e.label}` }));
    const { train, validation } = splitExamples(examples, 0.3, 3);
    const trained = new Set(train.map((e) => e.digest));
    expect(validation.length).toBeGreaterThan(0);
    expect(validation.filter((e) => trained.has(e.digest))).toEqual([]);
  });

  it('never empties the training side of a class', () => {
    const { train } = splitExamples(made(4, ['a', 'b']), 0.99, 1);
    expect(new Set(train.map((e) => e.label))).toEqual(new Set(['a', 'b']));
  });

  it('spreads every class evenly over the folds', () => {
    const labels = Int32Array.from({ length: 103 }, (_, i) => (i % 10 === 0 ? 1 : 0));
    const folds = stratifiedFolds(labels, 5, 1);
    const of = (label: number) =>
      [0, 1, 2, 3, 4].map((k) => folds.filter((f, i) => f === k && labels[i] === label).length);
    for (const label of [0, 1]) expect(Math.max(...of(label)) - Math.min(...of(label))).toBeLessThanOrEqual(1);
    expect([...stratifiedFolds(labels, 5, 1)]).toEqual([...folds]);
  });
});
