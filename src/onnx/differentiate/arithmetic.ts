import type { GraphBuilder } from '../builder.js';
import { cast, constant, keepWhere, sign, sumTo } from '../emit.js';
import { NEWEST_OPSET } from '../opsets.js';
import { equal } from './compare.js';
import type { Rule, RuleContext, RuleLine } from './rule.js';

/** Sums a gradient of the output's size down to the size of input i, which was broadcast. */
export const toInput = (c: RuleContext, gradient: string, i: number): string =>
  sumTo(c.b, gradient, c.yDims(), c.dims(i));
const neg = (b: GraphBuilder, x: string): string => b.op('Neg', [x]);
const mul = (b: GraphBuilder, x: string, y: string): string => b.op('Mul', [x, y]);
const div = (b: GraphBuilder, x: string, y: string): string => b.op('Div', [x, y]);

/** https://onnx.ai/onnx/operators/onnx__Add.html */
const add: Rule = (c) => [() => toInput(c, c.dy, 0), () => toInput(c, c.dy, 1)];
const sub: Rule = (c) => [() => toInput(c, c.dy, 0), () => neg(c.b, toInput(c, c.dy, 1))];
const multiply: Rule = (c) => [
  () => toInput(c, mul(c.b, c.dy, c.x(1)), 0),
  () => toInput(c, mul(c.b, c.dy, c.x(0)), 1),
];
/** d(a/b)/db = -y/b */
const divide: Rule = (c) => [
  () => toInput(c, div(c.b, c.dy, c.x(1)), 0),
  () => neg(c.b, toInput(c, div(c.b, mul(c.b, c.dy, c.y()), c.x(1)), 1)),
];
const negate: Rule = (c) => [() => neg(c.b, c.dy)];
const abs: Rule = (c) => [() => mul(c.b, c.dy, sign(c.b, c.x(0), c.type(0)))];
const exp: Rule = (c) => [() => mul(c.b, c.dy, c.y())];
const log: Rule = (c) => [() => div(c.b, c.dy, c.x(0))];
/** 1 / (2 sqrt(x)): infinite at 0. */
const sqrt: Rule = (c) => [() => div(c.b, mul(c.b, c.dy, constant(c.b, c.type(0), 0.5)), c.y())];

/** By the base e * x^(e-1); by the exponent y * log(x), taken as 0 where x <= 0. The exponent may be of another type. */
const pow: Rule = (c) => {
  const { b } = c;
  const type = c.type(0);
  const exponent = (): string => (c.type(1) === type ? c.x(1) : cast(b, c.x(1), type));
  return [
    () => {
      if (c.isConstant(1) && c.constant(1).every((e) => e === 2))
        return toInput(c, mul(b, c.dy, mul(b, c.x(0), constant(b, type, 2))), 0);
      const e = exponent();
      const slope = mul(b, e, b.op('Pow', [c.x(0), b.op('Sub', [e, constant(b, type, 1)])]));
      // x^0 is constant: 0 * 0^-1 must not become NaN.
      const zero = constant(b, type, 0);
      const moving = b.op('Or', [b.op('Greater', [e, zero]), b.op('Less', [e, zero])]);
      return toInput(c, mul(b, c.dy, keepWhere(b, moving, slope, type)), 0);
    },
    () => {
      const positive = b.op('Greater', [c.x(0), constant(b, type, 0)]);
      const slope = mul(b, c.y(), b.op('Log', [c.x(0)]));
      return toInput(c, mul(b, c.dy, keepWhere(b, positive, slope, type)), 1);
    },
  ];
};

/** -y² */
const reciprocal: Rule = (c) => [() => neg(c.b, mul(c.b, c.dy, mul(c.b, c.y(), c.y())))];

/** Inputs that tie for the extreme share the gradient evenly. */
const extreme: Rule = (c) => {
  const { b } = c;
  const type = c.type(0);
  const isIt = (i: number): string => cast(b, equal(b, c.x(i), c.y()), type);
  const all = c.node.inputs.map((_, i) => i);
  const share = (): string =>
    div(
      b,
      c.dy,
      all.map(isIt).reduce((x, y) => b.op('Add', [x, y])),
    );
  return all.map((i) => () => toInput(c, mul(b, isIt(i), all.length === 1 ? c.dy : share()), i));
};
/** Sum of any number of inputs, and their mean. */
const sum: Rule = (c) => c.node.inputs.map((_, i) => () => toInput(c, c.dy, i));
const mean: Rule = (c) =>
  c.node.inputs.map((_, i) => () => toInput(c, mul(c.b, c.dy, constant(c.b, c.type(0), 1 / c.node.inputs.length)), i));
const sin: Rule = (c) => [() => mul(c.b, c.dy, c.b.op('Cos', [c.x(0)]))];
const cos: Rule = (c) => [() => neg(c.b, mul(c.b, c.dy, c.b.op('Sin', [c.x(0)])))];

/** Of floats (fmod): x - y trunc(x / y). */
const mod: Rule = (c) => [
  () => toInput(c, c.dy, 0),
  () => {
    const whole = div(c.b, c.b.op('Sub', [c.x(0), c.y()]), c.x(1));
    return neg(c.b, toInput(c, mul(c.b, c.dy, whole), 1));
  },
];

export const arithmeticRules: readonly RuleLine[] = [
  ['Add', 7, NEWEST_OPSET, add],
  ['Sub', 7, NEWEST_OPSET, sub],
  ['Mul', 7, NEWEST_OPSET, multiply],
  ['Div', 7, NEWEST_OPSET, divide],
  ['Neg', 7, NEWEST_OPSET, negate],
  ['Abs', 7, NEWEST_OPSET, abs],
  ['Exp', 7, NEWEST_OPSET, exp],
  ['Log', 7, NEWEST_OPSET, log],
  ['Sqrt', 7, NEWEST_OPSET, sqrt],
  ['Pow', 7, NEWEST_OPSET, pow],
  ['Reciprocal', 7, NEWEST_OPSET, reciprocal],
  ['Min', 7, NEWEST_OPSET, extreme],
  ['Max', 7, NEWEST_OPSET, extreme],
  ['Sum', 7, NEWEST_OPSET, sum],
  ['Mean', 7, NEWEST_OPSET, mean],
  ['Sin', 7, NEWEST_OPSET, sin],
  ['Cos', 7, NEWEST_OPSET, cos],
  ['Mod', 10, NEWEST_OPSET, mod],
];
