import { float, floatAttribute, intAttribute, stringAttribute } from '../attributes.js';
import { cast, constant, keepWhere, reduceSum, sumTo } from '../emit.js';
import { OnnxError } from '../error.js';
import { GELU } from '../gelu.js';
import { GRAFT_DOMAIN } from '../graft-domain.js';
import { NEWEST_OPSET } from '../opsets.js';
import type { Rule, RuleContext, RuleLine } from './rule.js';

const mul = (c: RuleContext, x: string, y: string): string => c.b.op('Mul', [x, y]);

/**
 * 1 where x is above 0, else 0. HardSigmoid this steep is 1 from the smallest normal number on, and one pass where comparing and
 * casting are two (8 x 64 x 112 x 112, with the product behind it, two cores of onnxruntime: 2.6 and 4.2 ms).
 */
const above0 = (c: RuleContext, x: string): string =>
  c.type(0) === 'float32'
    ? c.b.op('HardSigmoid', [x], { alpha: float(3e38), beta: float(0) })
    : cast(c.b, c.b.op('Greater', [x, constant(c.b, c.type(0), 0)]), c.type(0));
/** 0 at 0, as PyTorch. */
const relu: Rule = (c) => [() => mul(c, c.dy, above0(c, c.y()))];
/** y (1 - y) */
const sigmoid: Rule = (c) => [() => mul(c, c.dy, mul(c, c.y(), c.b.op('Sub', [constant(c.b, c.type(0), 1), c.y()])))];
/** 1 - y² */
const tanh: Rule = (c) => [() => mul(c, c.dy, c.b.op('Sub', [constant(c.b, c.type(0), 1), mul(c, c.y(), c.y())]))];

const positive = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
/** One axis from opset 13; before, everything from the axis on is one row. */
function softmaxAxes(c: RuleContext): readonly number[] {
  const rank = c.dims(0).length;
  if (c.opset >= 13) return [positive(intAttribute(c.node, 'axis', -1), rank)];
  const axis = positive(intAttribute(c.node, 'axis', 1), rank);
  return Array.from({ length: rank - axis }, (_, i) => axis + i);
}
/** y (dy - sum(dy y)) */
const softmax: Rule = (c) => [
  () => mul(c, c.y(), c.b.op('Sub', [c.dy, reduceSum(c.b, mul(c, c.dy, c.y()), softmaxAxes(c), true)])),
];
/** dy - softmax * sum(dy) */
const logSoftmax: Rule = (c) => [
  () => c.b.op('Sub', [c.dy, mul(c, c.b.op('Exp', [c.y()]), reduceSum(c.b, c.dy, softmaxAxes(c), true))]),
];

/**
 * 1 inside of the limits, 0 on them and beyond (as PyTorch's hardtanh and ReLU6). Told from the output alone where the limits
 * are constants: then the input need not be kept, and the runtime may clip in the operator before. A limit gets the gradients of
 * the elements that it moved.
 */
const clip: Rule = (c) => {
  const { b } = c;
  const all = c.dims(0).map((_, i) => i);
  const kept = (condition: string): string => mul(c, c.dy, cast(b, condition, c.type(0)));
  const toLimit = (compare: 'Less' | 'Greater'): string => {
    const moved = kept(b.op(compare, [c.x(0), c.y()]));
    return all.length > 0 ? reduceSum(b, moved, all, false) : moved;
  };
  const limit = (i: 1 | 2, name: 'min' | 'max'): string | null => {
    if (c.opset >= 11) return c.has(i) ? c.x(i) : null;
    const value = floatAttribute(c.node, name, name === 'min' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY);
    return Math.abs(value) > 3e38 ? null : constant(b, c.type(0), value);
  };
  return [
    () => {
      const [low, high] = [limit(1, 'min'), limit(2, 'max')];
      const inner = inside(c, low, high);
      if (inner !== null) return mul(c, c.dy, inner);
      const above = low === null ? null : b.op('Greater', [c.y(), low]);
      const below = high === null ? null : b.op('Less', [c.y(), high]);
      if (above === null || below === null)
        return above === null && below === null ? c.dy : kept((above ?? below) as string);
      return kept(b.op('And', [above, below]));
    },
    () => toLimit('Less'),
    () => toLimit('Greater'),
  ];
};

/** 1 where the output lies between limits that are finite numbers, by the sign of the product of its distances; else null. */
function inside(c: RuleContext, low: string | null, high: string | null): string | null {
  const { b } = c;
  const value = (i: 1 | 2, name: 'min' | 'max'): number | undefined =>
    c.opset < 11
      ? floatAttribute(c.node, name, Number.NaN)
      : c.has(i) && c.isConstant(i)
        ? c.constant(i)[0]
        : undefined;
  const [least, most] = [value(1, 'min'), value(2, 'max')];
  const known = (limit: string | null, number: number | undefined): boolean =>
    limit === null || (number !== undefined && Math.abs(number) < 1e18);
  if (c.type(0) !== 'float32' || !known(low, least) || !known(high, most)) return null;
  const above = low === null ? null : least === 0 ? c.y() : b.op('Sub', [c.y(), low]);
  const below = high === null ? null : b.op('Sub', [high, c.y()]);
  if (above !== null && below !== null) return above0(c, mul(c, above, below));
  return above === null && below === null ? null : above0(c, (above ?? below) as string);
}

/** Before opset 12 a Dropout is the identity: training was not part of the operator. */
const dropoutIdentity: Rule = (c) => [() => c.dy];
/** From opset 12, identity unless training_mode; then the mask, which the node must give out, decides. */
const dropout: Rule = (c) => [
  () => {
    if (!c.has(2) || (c.isConstant(2) && c.constant(2)[0] === 0)) return c.dy;
    const ratio = c.has(1) ? c.constant(1)[0] : 0.5;
    const mask = c.node.outputs[1];
    if (!mask)
      throw new OnnxError(
        'invalid-argument',
        `Dropout '${c.node.name}' trains but does not give out its mask; add its second output.`,
      );
    const scaled = c.b.op('Mul', [c.dy, constant(c.b, c.type(0), 1 / (1 - (ratio as number)))]);
    return keepWhere(c.b, mask, scaled, c.type(0));
  },
  null,
  null,
];

/** slope `alpha` below 0, default 0.01 */
const leakyRelu: Rule = (c) => [
  () => {
    const zero = constant(c.b, c.type(0), 0);
    const up = keepWhere(c.b, c.b.op('Greater', [c.x(0), zero]), c.dy, c.type(0));
    const down = c.b.op('Sub', [c.dy, up]);
    return c.b.op('Add', [up, mul(c, down, constant(c.b, c.type(0), floatAttribute(c.node, 'alpha', 0.01)))]);
  },
];

const number = (c: RuleContext, value: number): string => constant(c.b, c.type(0), value);
/** 1 where low < x < high, else 0. */
const between = (c: RuleContext, x: string, low: number, high: number): string =>
  cast(c.b, c.b.op('And', [c.b.op('Greater', [x, number(c, low)]), c.b.op('Less', [x, number(c, high)])]), c.type(0));

/** max(0, min(1, alpha x + beta)): alpha between the limits. */
const hardSigmoid: Rule = (c) => [
  () => mul(c, c.dy, mul(c, between(c, c.y(), 0, 1), number(c, floatAttribute(c.node, 'alpha', 0.2)))),
];
/** x hardSigmoid(x, 1/6, 1/2): 0 up to -3, x / 3 + 1/2 between, 1 from 3 on. */
const hardSwish: Rule = (c) => [
  () => {
    const { b } = c;
    const slope = b.op('Add', [mul(c, c.x(0), number(c, 1 / 3)), number(c, 0.5)]);
    const above = cast(b, b.op('Not', [b.op('Less', [c.x(0), number(c, 3)])]), c.type(0));
    return mul(c, c.dy, b.op('Add', [mul(c, between(c, c.x(0), -3, 3), slope), above]));
  },
];
/** 2 / sqrt(pi) exp(-x²) */
const erf: Rule = (c) => [
  () =>
    mul(c, c.dy, mul(c, number(c, 2 / Math.sqrt(Math.PI)), c.b.op('Exp', [c.b.op('Neg', [mul(c, c.x(0), c.x(0))])]))),
];
/** Phi(x) + x phi(x); of the form by tanh, its own derivative (https://onnx.ai/onnx/operators/onnx__Gelu.html). */
const gelu: Rule = (c) => [
  () => {
    const { b } = c;
    const x = c.x(0);
    const one = number(c, 1);
    if (stringAttribute(c.node, 'approximate', 'none') === 'tanh') {
      const k = Math.sqrt(2 / Math.PI);
      const square = mul(c, x, x);
      const inner = mul(c, mul(c, x, number(c, k)), b.op('Add', [one, mul(c, square, number(c, 0.044715))]));
      const t = b.op('Tanh', [inner]);
      const slope = b.op('Add', [number(c, k), mul(c, square, number(c, 3 * 0.044715 * k))]);
      const bend = mul(c, mul(c, x, b.op('Sub', [one, mul(c, t, t)])), slope);
      return mul(c, c.dy, mul(c, number(c, 0.5), b.op('Add', [b.op('Add', [one, t]), bend])));
    }
    const below = mul(c, number(c, 0.5), b.op('Add', [one, b.op('Erf', [mul(c, x, number(c, Math.SQRT1_2))])]));
    const density = b.op('Exp', [mul(c, mul(c, x, x), number(c, -0.5))]);
    const bend = mul(c, mul(c, x, density), number(c, 1 / Math.sqrt(2 * Math.PI)));
    return mul(c, c.dy, b.op('Add', [below, bend]));
  },
];
/** The forward pass has made the slope already. */
const fusedGelu: Rule = (c) => [() => mul(c, c.dy, c.y(1))];
/** 1 / (1 + exp(-x)) */
const softplus: Rule = (c) => [() => mul(c, c.dy, c.b.op('Sigmoid', [c.x(0)]))];
/** 1 above 0, else y + alpha. */
const elu: Rule = (c) => [
  () => {
    const alpha = number(c, floatAttribute(c.node, 'alpha', 1));
    const up = c.b.op('Greater', [c.x(0), number(c, 0)]);
    const kept = keepWhere(c.b, up, c.dy, c.type(0));
    const bent = mul(c, c.b.op('Sub', [c.dy, kept]), c.b.op('Add', [c.y(), alpha]));
    return c.b.op('Add', [kept, bent]);
  },
];
/** Below 0 the slope, which is broadcast to the input and may be trained. */
const pRelu: Rule = (c) => [
  () => {
    const below = cast(c.b, c.b.op('Less', [c.x(0), number(c, 0)]), c.type(0));
    const factor = c.b.op('Add', [c.b.op('Sub', [number(c, 1), below]), mul(c, below, c.x(1))]);
    return mul(c, c.dy, factor);
  },
  () => {
    const below = cast(c.b, c.b.op('Less', [c.x(0), number(c, 0)]), c.type(0));
    return sumTo(c.b, mul(c, c.dy, mul(c, below, c.x(0))), c.yDims(), c.dims(1));
  },
];

export const activationRules: readonly RuleLine[] = [
  ['Relu', 7, NEWEST_OPSET, relu],
  ['LeakyRelu', 7, NEWEST_OPSET, leakyRelu],
  ['HardSigmoid', 7, NEWEST_OPSET, hardSigmoid],
  ['HardSwish', 14, NEWEST_OPSET, hardSwish],
  ['Erf', 9, NEWEST_OPSET, erf],
  ['Gelu', 20, NEWEST_OPSET, gelu],
  [`${GRAFT_DOMAIN}:${GELU}`, 1, 1, fusedGelu],
  ['Softplus', 7, NEWEST_OPSET, softplus],
  ['Elu', 7, NEWEST_OPSET, elu],
  ['PRelu', 7, NEWEST_OPSET, pRelu],
  ['Sigmoid', 7, NEWEST_OPSET, sigmoid],
  ['Tanh', 7, NEWEST_OPSET, tanh],
  ['Softmax', 7, NEWEST_OPSET, softmax],
  ['LogSoftmax', 7, NEWEST_OPSET, logSoftmax],
  ['Clip', 7, NEWEST_OPSET, clip],
  ['Dropout', 7, 11, dropoutIdentity],
  ['Dropout', 12, NEWEST_OPSET, dropout],
];
