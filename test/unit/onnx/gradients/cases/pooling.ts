import { NEWEST_OPSET } from '../../../../../src/onnx/index.js';
import { type Case, unary } from '../../../../support/gradients.js';

/** No two values within a step of each other: the maximum must not change hands. */
const apartBySteps = (): NonNullable<Case['domain']> => {
  let drawn = 0;
  return (x) => (((drawn++ * 37) % 101) + x / 4) / 10;
};
const pooled = (
  op: string,
  dims: readonly number[],
  opsets: readonly number[],
  attributes: Case['attributes'] = {},
): Case =>
  unary(op, {
    name: `${op} [${dims}] ${JSON.stringify(attributes)}`,
    inputs: [dims],
    domain: apartBySteps(),
    attributes,
    opsets,
    dataType: 'float32',
    step: 1e-2,
    tolerance: 4e-3,
  });
/** Ceiling came with opset 10. */
const windows = (op: string, more: Case['attributes'] = {}): readonly Case[] => [
  pooled(op, [2, 2, 4, 4], [7, NEWEST_OPSET], { kernel_shape: [2, 2], strides: [2, 2], ...more }),
  pooled(op, [1, 2, 5, 6], [7, NEWEST_OPSET], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ...more }),
  pooled(op, [2, 1, 5, 4], [7, NEWEST_OPSET], { kernel_shape: [3, 2], pads: [1, 0, 1, 1], ...more }),
  pooled(op, [1, 2, 6, 5], [7, NEWEST_OPSET], { kernel_shape: [2, 3], strides: [3, 2], ...more }),
  pooled(op, [1, 1, 6, 5], [7, NEWEST_OPSET], {
    kernel_shape: [3, 3],
    strides: [2, 2],
    auto_pad: 'SAME_UPPER',
    ...more,
  }),
  pooled(op, [1, 2, 6, 7], [10, NEWEST_OPSET], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1, ...more }),
  pooled(op, [2, 2, 7], [7, NEWEST_OPSET], { kernel_shape: [3], strides: [2], ...more }),
  pooled(op, [1, 1, 4, 3, 4], [7, NEWEST_OPSET], { kernel_shape: [2, 2, 2], strides: [2, 1, 2], ...more }),
];
const global = (op: string, opsets: readonly number[]): readonly Case[] =>
  [
    [2, 3, 4],
    [2, 3, 2, 3],
    [1, 2, 2, 3, 2],
  ].map((dims) => pooled(op, dims, opsets));

export const poolingCases: readonly Case[] = [
  ...global('GlobalAveragePool', [7, 13, NEWEST_OPSET]),
  ...global('GlobalMaxPool', [7, NEWEST_OPSET]),
  ...windows('MaxPool'),
  pooled('MaxPool', [1, 2, 6, 6], [10, NEWEST_OPSET], { kernel_shape: [2, 3], dilations: [2, 1], pads: [1, 0, 0, 1] }),
  ...windows('AveragePool'),
  pooled('AveragePool', [1, 2, 6, 6], [19, NEWEST_OPSET], {
    kernel_shape: [2, 3],
    dilations: [2, 1],
    pads: [1, 0, 0, 1],
  }),
  ...windows('AveragePool', { count_include_pad: 1 }),
];
