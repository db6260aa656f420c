import { expect, it } from 'vitest';
import type { EvaluationExample, Model } from '../../../src/domain/types.js';
import { evaluationAt } from '../../../src/services/evaluation-at.js';

const example = (index: number, split: 'validation' | 'test', actual: string, good: number) =>
  ({ index, split, actual, probabilities: [1 - good, good] }) as unknown as EvaluationExample;
/** Validation: of the surest three two are good; everything else is the other way round. */
const EXAMPLES = [
  ...[0.95, 0.9].map((p, i) => example(i, 'validation', 'good', p)),
  example(2, 'validation', 'bad', 0.85),
  example(3, 'validation', 'good', 0.6),
  ...[0.5, 0.4, 0.3].map((p, i) => example(4 + i, 'validation', 'bad', p)),
  example(7, 'test', 'good', 0.92),
  example(8, 'test', 'bad', 0.91),
  example(9, 'test', 'good', 0.2),
];
const ROWS = 4;
const models = {
  evaluation: async () => ({ accuracy: 0.7, binary: { threshold: 0.55 }, test: { accuracy: 0.5, binary: {} } }),
  evaluationExamples: async (_: string, __: object, { after = '0' }: { after?: string }) => {
    const [from, end] = [Number(after), Number(after) + ROWS];
    return { data: EXAMPLES.slice(from, end), nextCursor: end < EXAMPLES.length ? String(end) : null };
  },
};
const model = (...labels: string[]) => ({ id: 'mdl_1', labels }) as unknown as Model;

it('finds the threshold on the validation examples, all pages of them, and measures the test examples at it', async () => {
  const found = await evaluationAt(models, model('bad', 'good'), 1);
  expect(found).toMatchObject({ accuracy: 0.7, test: { accuracy: 0.5 } });
  const { binary, test } = found as unknown as {
    binary: Record<string, number>;
    test: { binary: Record<string, number> };
  };
  expect(binary).toMatchObject({ positive: 'good', precision: 1, recall: 2 / 3 });
  expect(binary.threshold).toBeCloseTo((0.9 + 0.85) / 2, 6);
  expect(test.binary).toMatchObject({ threshold: binary.threshold, precision: 1 / 2, recall: 1 / 2 });
  const wider = (await evaluationAt(models, model('bad', 'good'), 0.75)) as unknown as {
    binary: Record<string, number>;
  };
  expect(wider.binary).toMatchObject({ precision: 3 / 4, recall: 1 });
});

it('refuses models of other than two labels, and says the largest precision where it is not met', async () => {
  await expect(evaluationAt(models, model('a', 'b', 'c'), 0.9)).rejects.toMatchObject({
    code: 'request-invalid',
    message: expect.stringContaining('this model has 3'),
    options: { errors: [{ path: '/precision', code: 'value-impossible' }] },
  });
  const turned = {
    ...models,
    evaluationExamples: async () => ({
      data: [example(0, 'validation', 'bad', 0.9), example(1, 'validation', 'good', 0.8)],
      nextCursor: null,
    }),
  };
  await expect(evaluationAt(turned, model('bad', 'good'), 0.9)).rejects.toThrow(
    "No threshold gives 'good' a precision of 0.9 on the 2 validation examples; the largest is 0.500.",
  );
});
