import { type AttributeValue, float, NEWEST_OPSET } from '../../../../../src/onnx/index.js';
import { apart, type Case, ints, unary } from '../../../../support/gradients.js';

const OPERATORS = [
  'ReduceL1',
  'ReduceL2',
  'ReduceSumSquare',
  'ReduceLogSum',
  'ReduceLogSumExp',
  'ReduceProd',
  'ReduceMin',
];
/** Numbers of the operator's domain, away from its kinks; distinct where a minimum must not change hands. */
const domainOf = (op: string): NonNullable<Case['domain']> => {
  let drawn = 0;
  if (op === 'ReduceLogSum') return (x) => 1.5 + x;
  if (op === 'ReduceMin') return (x) => (((drawn++ * 37) % 101) + x / 4) / 10;
  return apart;
};
const reduced = (op: string, axes: readonly number[] | null, keepdims: number): readonly Case[] => {
  const name = `${op} axes ${axes} keepdims ${keepdims}`;
  const of = { inputs: [[2, 3, 4]], domain: domainOf(op), name };
  const early = axes?.some((axis) => axis < 0) ? 11 : 7;
  return [
    unary(op, { ...of, attributes: { keepdims, ...(axes ? { axes } : {}) }, opsets: [early, 17] }),
    unary(op, {
      ...of,
      attributes: { keepdims },
      constants: (b) => (axes ? [ints(b, axes)] : []),
      opsets: [18, NEWEST_OPSET],
    }),
  ];
};
const lpPool = (x: readonly number[], attributes: Readonly<Record<string, AttributeValue>>, since = 7): Case =>
  unary('LpPool', {
    name: `LpPool [${x}] ${JSON.stringify(attributes)}`,
    inputs: [x],
    domain: apart,
    attributes,
    opsets: [since, NEWEST_OPSET],
  });

export const normCases: readonly Case[] = [
  ...OPERATORS.flatMap((op) => [
    ...reduced(op, [1], 1),
    ...reduced(op, [-1, 0], 0),
    ...reduced(op, null, 0),
    unary(op, {
      name: `${op} over no axes`,
      inputs: [[2, 3]],
      domain: domainOf(op),
      attributes: { noop_with_empty_axes: 1 },
      opsets: [18, NEWEST_OPSET],
    }),
  ]),
  ...[0, 1, 2].map((zeros) =>
    unary('ReduceProd', {
      name: `ReduceProd of ${zeros} zeros`,
      inputs: [[4]],
      domain: (
        (drawn) => (x: number) =>
          drawn++ % 4 < zeros ? 0 : apart(x)
      )(0),
      attributes: { axes: [0] },
      opsets: [7, 17],
      dataType: 'float32',
      step: 0.25,
    }),
  ),
  ...[1, 2].flatMap((p) => [
    unary('LpNormalization', {
      name: `LpNormalization p ${p}`,
      inputs: [[2, 4]],
      attributes: { p },
      domain: apart,
      opsets: [7, NEWEST_OPSET],
    }),
    unary('LpNormalization', {
      name: `LpNormalization p ${p} axis 1`,
      inputs: [[2, 3, 2]],
      attributes: { p, axis: 1 },
      domain: apart,
      opsets: [7, NEWEST_OPSET],
    }),
  ]),
  ...[3, 5].map((size) =>
    unary('LRN', {
      name: `LRN over ${size}`,
      inputs: [[2, 5, 2, 2]],
      attributes: { size, alpha: float(0.5), beta: float(0.6), bias: float(1.3) },
      opsets: [7, NEWEST_OPSET],
    }),
  ),
  ...[1, 2, 3].flatMap((p) => [
    lpPool([2, 2, 4, 4], { p, kernel_shape: [2, 2], strides: [2, 2] }),
    lpPool([1, 2, 5, 4], { p, kernel_shape: [3, 2], pads: [1, 0, 1, 1] }),
    lpPool([1, 1, 6, 5], { p, kernel_shape: [2, 2], dilations: [2, 1] }, 18),
    lpPool([1, 1, 6, 7], { p, kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }, 18),
    unary('GlobalLpPool', {
      name: `GlobalLpPool p ${p}`,
      inputs: [[2, 3, 2, 3]],
      domain: apart,
      attributes: { p },
      opsets: [7, 21],
    }),
  ]),
];
