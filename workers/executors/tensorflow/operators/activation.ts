import { elements, NEWEST_OPSET } from '../../../../src/onnx/index.js';
import type { Op, Operator } from '../op.js';
import { channelsLast, plainOrder } from '../order.js';
import type { Value } from '../recorder.js';
import { beside, elementwise, wrapped } from './align.js';
import { same } from './elementwise.js';
import type { OperatorLine } from './line.js';

const times = (c: Op, x: Value, y: Value): Value => elementwise(c, 'Mul', [x, y]);
const by = (c: Op, x: Value, factor: number): Value => (factor === 1 ? x : times(c, x, beside(c, x, factor)));
const plus = (c: Op, x: Value, term: number): Value => elementwise(c, 'AddV2', [x, beside(c, x, term)]);
const between = (c: Op, x: Value, least: number, most: number): Value =>
  elementwise(c, 'Minimum', [elementwise(c, 'Maximum', [x, beside(c, x, least)]), beside(c, x, most)]);
const positive = (c: Op, x: Value, yes: Value, no: Value): Value =>
  elementwise(c, 'SelectV2', [elementwise(c, 'Greater', [x, beside(c, x, 0)]), yes, no]);

const leakyRelu: Operator = (c) => same(c, 'LeakyRelu', c.x(0), { alpha: c.float('alpha', 0.01) });
const elu: Operator = (c) => {
  const x = c.x(0);
  const alpha = c.float('alpha', 1);
  return alpha === 1 ? same(c, 'Elu', x) : positive(c, x, x, by(c, same(c, 'Expm1', x), alpha));
};
const selu: Operator = (c) => {
  const x = c.x(0);
  const alpha = c.float('alpha', 1.6732632423543772);
  const gamma = c.float('gamma', 1.0507009873554805);
  return by(c, positive(c, x, x, by(c, same(c, 'Expm1', x), alpha)), gamma);
};
const celu: Operator = (c) => {
  const x = c.x(0);
  const alpha = c.float('alpha', 1);
  const below = by(c, same(c, 'Expm1', by(c, x, 1 / alpha)), alpha);
  return positive(c, x, x, below);
};
const thresholdedRelu: Operator = (c) => {
  const x = c.x(0);
  const above = elementwise(c, 'Greater', [x, beside(c, x, c.float('alpha', 1))]);
  return elementwise(c, 'SelectV2', [above, x, beside(c, x, 0)]);
};
const pRelu: Operator = (c) => positive(c, c.x(0), c.x(0), times(c, c.x(0), c.x(1)));
const hardSigmoid: Operator = (c) => {
  const line = plus(c, by(c, c.x(0), c.float('alpha', 0.2)), c.float('beta', 0.5));
  return between(c, line, 0, 1);
};
const hardSwish: Operator = (c) => times(c, c.x(0), between(c, plus(c, by(c, c.x(0), 1 / 6), 0.5), 0, 1));
const softplus: Operator = (c) => same(c, 'Softplus', c.x(0));
const mish: Operator = (c) => times(c, c.x(0), same(c, 'Tanh', same(c, 'Softplus', c.x(0))));
const swish: Operator = (c) => times(c, c.x(0), same(c, 'Sigmoid', by(c, c.x(0), c.float('alpha', 1))));
const gelu: Operator = (c) => {
  const x = c.x(0);
  const half = by(c, x, 0.5);
  if (c.string('approximate', 'none') === 'none')
    return times(c, half, plus(c, same(c, 'Erf', by(c, x, Math.SQRT1_2)), 1));
  const inner = elementwise(c, 'AddV2', [x, by(c, times(c, same(c, 'Square', x), x), 0.044715)]);
  return times(c, half, plus(c, same(c, 'Tanh', by(c, inner, Math.sqrt(2 / Math.PI))), 1));
};
const shrink: Operator = (c) => {
  const x = c.x(0);
  const [lambd, bias] = [c.float('lambd', 0.5), c.float('bias', 0)];
  const above = elementwise(c, 'Greater', [x, beside(c, x, lambd)]);
  const below = elementwise(c, 'Less', [x, beside(c, x, -lambd)]);
  const low = elementwise(c, 'SelectV2', [below, plus(c, x, bias), beside(c, x, 0)]);
  return elementwise(c, 'SelectV2', [above, plus(c, x, -bias), low]);
};

/** Along one axis from opset 13; before, over everything from the axis on. */
const alongAxis =
  (kernel: 'Softmax' | 'LogSoftmax'): Operator =>
  (c) => {
    const x = c.x(0);
    const rank = x.dims.length;
    if (c.opset < 13) {
      const axis = wrapped(c.int('axis', 1), rank);
      const rows = elements(x.dims.slice(0, axis));
      const flat = c.call('Reshape', [c.plain(x), c.sizes([rows, elements(x.dims.slice(axis))])]);
      return c.value(c.call('Reshape', [c.call(kernel, [flat]), c.sizes(x.dims)]));
    }
    const axis = wrapped(c.int('axis', -1), rank);
    if (x.order.at(-1) === axis) return c.value(c.call(kernel, [x.raw]), x.order);
    const order = axis === 1 && rank > 2 ? channelsLast(rank) : [...plainOrder(rank).filter((a) => a !== axis), axis];
    return c.value(c.call(kernel, [c.ordered(x, order)]), order);
  };

const N = NEWEST_OPSET;
export const activationOperators: readonly OperatorLine[] = [
  ['Relu', 7, N, (c) => same(c, 'Relu', c.x(0))],
  ['LeakyRelu', 7, N, leakyRelu],
  ['Elu', 7, N, elu],
  ['Selu', 7, N, selu],
  ['Celu', 12, N, celu],
  ['ThresholdedRelu', 10, N, thresholdedRelu],
  ['PRelu', 9, N, pRelu],
  ['HardSigmoid', 7, N, hardSigmoid],
  ['HardSwish', 14, N, hardSwish],
  ['Softplus', 7, N, softplus],
  ['Softsign', 7, N, (c) => same(c, 'Softsign', c.x(0))],
  ['Mish', 18, N, mish],
  ['Swish', 24, N, swish],
  ['Gelu', 20, N, gelu],
  ['Shrink', 9, N, shrink],
  ['Softmax', 7, N, alongAxis('Softmax')],
  ['LogSoftmax', 7, N, alongAxis('LogSoftmax')],
];
