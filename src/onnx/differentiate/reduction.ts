import { intAttribute, intsAttribute } from '../attributes.js';
import { cast, constant, expand, reduceSum, reshape } from '../emit.js';
import { NEWEST_OPSET } from '../opsets.js';
import { elements } from '../tensor.js';
import { equal } from './compare.js';
import type { Rule, RuleContext, RuleLine } from './rule.js';

/** Axes of a reduction: an attribute before opset `asInput`, a constant second input from then on; none means all. */
export function axesOf(c: RuleContext, asInput: number): readonly number[] {
  const rank = c.dims(0).length;
  const given = c.opset < asInput ? intsAttribute(c.node, 'axes') : c.has(1) ? c.constant(1) : null;
  if (given && given.length > 0) return given.map((axis) => (axis < 0 ? axis + rank : axis));
  if (intAttribute(c.node, 'noop_with_empty_axes', 0) !== 0) return [];
  return Array.from({ length: rank }, (_, i) => i);
}
const keptDims = (dims: readonly number[], axes: readonly number[]): readonly number[] =>
  dims.map((d, i) => (axes.includes(i) ? 1 : d));

/** A tensor of the output's size in the size it has with keepdims = 1. */
export function kept(c: RuleContext, x: string, axes: readonly number[]): string {
  const dims = keptDims(c.dims(0), axes);
  return dims.join() === c.yDims().join() ? x : reshape(c.b, x, dims);
}
export const spread = (c: RuleContext, x: string, axes: readonly number[]): string =>
  expand(c.b, kept(c, x, axes), c.type(0), keptDims(c.dims(0), axes), c.dims(0));

const reduceSumRule: Rule = (c) => [() => spread(c, c.dy, axesOf(c, 13)), null];

const reduceMeanRule: Rule = (c) => [
  () => {
    const axes = axesOf(c, 18);
    const n = elements(axes.map((axis) => c.dims(0)[axis] as number));
    return spread(c, c.b.op('Mul', [c.dy, constant(c.b, c.type(0), 1 / n)]), axes);
  },
  null,
];

/** Elements that tie for the maximum (or the minimum) share the gradient evenly. */
const extremeRule: Rule = (c) => [
  () => {
    const axes = axesOf(c, 18);
    const { b } = c;
    if (axes.length === 0) return c.dy;
    const most = cast(b, equal(b, c.x(0), kept(c, c.y(), axes)), c.type(0));
    const share = b.op('Div', [kept(c, c.dy, axes), reduceSum(b, most, axes, true)]);
    return b.op('Mul', [most, share]);
  },
  null,
];

export const reductionRules: readonly RuleLine[] = [
  ['ReduceSum', 7, NEWEST_OPSET, reduceSumRule],
  ['ReduceMean', 7, NEWEST_OPSET, reduceMeanRule],
  ['ReduceMax', 7, NEWEST_OPSET, extremeRule],
  ['ReduceMin', 7, NEWEST_OPSET, extremeRule],
];
