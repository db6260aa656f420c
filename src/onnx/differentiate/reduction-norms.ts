import { cast, constant, ints, keepWhere, reduceSum, sign } from '../emit.js';
import { NEWEST_OPSET } from '../opsets.js';
import { equal } from './compare.js';
import { axesOf, kept, spread } from './reduction.js';
import type { Rule, RuleContext, RuleLine } from './rule.js';

/** dy as it broadcasts over the input, times a slope that may read the output in the same size. */
const slope =
  (of: (c: RuleContext, y: string, axes: readonly number[]) => string): Rule =>
  (c) => [
    () => {
      const axes = axesOf(c, 18);
      const all = of(c, kept(c, c.y(), axes), axes);
      return c.b.op('Mul', [all, kept(c, c.dy, axes)]);
    },
    null,
  ];
const isZero = (c: RuleContext, x: string): string => equal(c.b, x, constant(c.b, c.type(0), 0));

const l1 = slope((c) => sign(c.b, c.x(0), c.type(0)));
/** x / y, 0 where all are 0. */
const l2 = slope((c, y) => c.b.op('Div', [c.x(0), c.b.op('Add', [y, cast(c.b, isZero(c, y), c.type(0))])]));
const sumSquare = slope((c) => c.b.op('Mul', [c.x(0), constant(c.b, c.type(0), 2)]));
/** 1 / sum(x), which is exp(-y). */
const logSum: Rule = (c) => [
  () => spread(c, c.b.op('Mul', [c.dy, c.b.op('Exp', [c.b.op('Neg', [c.y()])])]), axesOf(c, 18)),
  null,
];
const logSumExp = slope((c, y) => c.b.op('Exp', [c.b.op('Sub', [c.x(0), y])]));
/** The product of the others: that of all but zeros, divided by the number itself; 0 where another is 0. */
const product = slope((c, _, axes) => {
  const { b } = c;
  const type = c.type(0);
  if (axes.length === 0) return constant(b, type, 1, c.dims(0));
  const zero = cast(b, isZero(c, c.x(0)), type);
  const filled = b.op('Add', [c.x(0), zero]);
  const total = productOf(c, filled, axes);
  const others = b.op('Sub', [reduceSum(b, zero, axes, true), zero]);
  return keepWhere(b, isZero(c, others), b.op('Div', [total, filled]), type);
});
function productOf(c: RuleContext, x: string, axes: readonly number[]): string {
  if (c.b.opset < 18) return c.b.op('ReduceProd', [x], { axes, keepdims: 1 });
  return c.b.op('ReduceProd', [x, ints(c.b, axes)], { keepdims: 1 });
}

export const normReductionRules: readonly RuleLine[] = [
  ['ReduceL1', 7, NEWEST_OPSET, l1],
  ['ReduceL2', 7, NEWEST_OPSET, l2],
  ['ReduceSumSquare', 7, NEWEST_OPSET, sumSquare],
  ['ReduceLogSum', 7, NEWEST_OPSET, logSum],
  ['ReduceLogSumExp', 7, NEWEST_OPSET, logSumExp],
  ['ReduceProd', 7, NEWEST_OPSET, product],
];
