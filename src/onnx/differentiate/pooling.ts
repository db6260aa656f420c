import { constant, expand, reduceSum } from '../emit.js';
import { NEWEST_OPSET } from '../opsets.js';
import { elements } from '../tensor.js';
import type { Rule, RuleLine } from './rule.js';

const globalAveragePool: Rule = (c) => [
  () => {
    const dims = c.dims(0);
    const share = c.b.op('Mul', [c.dy, constant(c.b, c.type(0), 1 / elements(dims.slice(2)))]);
    return expand(c.b, share, c.type(0), c.yDims(), dims);
  },
];

/** Places that tie for the maximum share the gradient evenly. */
const globalMaxPool: Rule = (c) => [
  () => {
    const { b } = c;
    const axes = c
      .dims(0)
      .slice(2)
      .map((_, i) => i + 2);
    const most = b.op('Cast', [b.op('Equal', [c.x(0), c.y()])], { to: 1 });
    return b.op('Mul', [most, b.op('Div', [c.dy, reduceSum(b, most, axes, true)])]);
  },
];

export const poolingRules: readonly RuleLine[] = [
  ['GlobalAveragePool', 7, NEWEST_OPSET, globalAveragePool],
  ['GlobalMaxPool', 11, NEWEST_OPSET, globalMaxPool],
];
