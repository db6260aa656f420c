import { floatAttribute, intAttribute } from '../attributes.js';
import { cast, constant, pad, reduceSum, sign, slice } from '../emit.js';
import { OnnxError } from '../error.js';
import { NEWEST_OPSET } from '../opsets.js';
import { range, wrap } from './axes.js';
import { equal } from './compare.js';
import type { Rule, RuleContext, RuleLine } from './rule.js';

/** Sum over the channels from `before` below to `after` above each. */
function neighbours(c: RuleContext, x: string, before: number, after: number): string {
  const { b } = c;
  const rank = c.dims(0).length;
  const channels = c.dims(0)[1] as number;
  const pads: number[] = new Array(2 * rank).fill(0);
  pads[1] = before;
  pads[rank + 1] = after;
  const padded = pad(b, x, pads);
  return range(before + after + 1)
    .map((from) => slice(b, padded, { starts: [from], ends: [from + channels], axes: [1] }))
    .reduce((left, right) => b.op('Add', [left, right]));
}

/**
 * y = x s^-beta, s = bias + alpha / size * (sum of x² over the channels around): with n(.) the sum over those that have a channel
 * among theirs, dx = dy s^-beta - 2 alpha beta / size * x n(dy x s^(-beta - 1)).
 */
const lrn: Rule = (c) => [
  () => {
    const { b } = c;
    const type = c.type(0);
    const size = intAttribute(c.node, 'size', 0);
    const alpha = floatAttribute(c.node, 'alpha', 1e-4);
    const beta = floatAttribute(c.node, 'beta', 0.75);
    const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
    const mul = (x: string, y: string | number): string =>
      b.op('Mul', [x, typeof y === 'number' ? constant(b, type, y) : y]);
    const squares = neighbours(c, mul(c.x(0), c.x(0)), before, after);
    const s = b.op('Add', [mul(squares, alpha / size), constant(b, type, floatAttribute(c.node, 'bias', 1))]);
    const scaled = mul(c.dy, b.op('Pow', [s, constant(b, type, -beta)]));
    const bend = neighbours(c, b.op('Div', [mul(scaled, c.x(0)), s]), after, before);
    return b.op('Sub', [scaled, mul(mul(c.x(0), bend), (2 * alpha * beta) / size)]);
  },
];

/** y = x / |x| along an axis: dx = (dy - d|x|/dx sum(dy y)) / |x|, where d|x|/dx is sign(x) or y. Rows of zeros get no gradient. */
const lpNormalization: Rule = (c) => [
  () => {
    const { b } = c;
    const type = c.type(0);
    const p = intAttribute(c.node, 'p', 2);
    if (p !== 1 && p !== 2)
      throw new OnnxError('malformed', `LpNormalization '${c.node.name}' has p ${p}; the operator knows 1 and 2.`);
    const axes = [wrap(intAttribute(c.node, 'axis', -1), c.dims(0).length)];
    const along = reduceSum(b, b.op('Mul', [c.dy, c.y()]), axes, true);
    const direction = p === 1 ? sign(b, c.x(0), type) : c.y();
    const length =
      p === 1
        ? reduceSum(b, b.op('Abs', [c.x(0)]), axes, true)
        : b.op('Sqrt', [reduceSum(b, b.op('Mul', [c.x(0), c.x(0)]), axes, true)]);
    const none = cast(b, equal(b, length, constant(b, type, 0)), type);
    const rest = b.op('Sub', [c.dy, b.op('Mul', [direction, along])]);
    const some = b.op('Sub', [constant(b, type, 1), none]);
    return b.op('Mul', [b.op('Div', [rest, b.op('Add', [length, none])]), some]);
  },
];

export const localNormalisationRules: readonly RuleLine[] = [
  ['LRN', 7, NEWEST_OPSET, lrn],
  ['LpNormalization', 7, NEWEST_OPSET, lpNormalization],
];
