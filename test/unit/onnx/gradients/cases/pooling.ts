import { NEWEST_OPSET } from '../../../../../src/onnx/index.js';
import { type Case, unary } from '../../../../support/gradients.js';

/** No two values within a step of each other: the maximum must not change hands. */
const apartBySteps = (): NonNullable<Case['domain']> => {
  let drawn = 0;
  return (x) => (((drawn++ * 37) % 101) + x / 4) / 25;
};

const pooled = (op: string, opsets: readonly number[]): readonly Case[] =>
  [
    [2, 3, 4],
    [2, 3, 2, 3],
    [1, 2, 2, 3, 2],
  ].map((dims) =>
    unary(op, {
      domain: apartBySteps(),
      name: `${op} [${dims}]`,
      inputs: [dims],
      opsets,
      dataType: 'float32',
      step: 1e-2,
    }),
  );

export const poolingCases: readonly Case[] = [
  ...pooled('GlobalAveragePool', [7, 13, NEWEST_OPSET]),
  ...pooled('GlobalMaxPool', [11, 13, NEWEST_OPSET]),
];
