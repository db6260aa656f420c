import { floatAttribute, intAttribute } from '../attributes.js';
import { cast, constant, keepWhere, reduceSum } from '../emit.js';
import { OnnxError } from '../error.js';
import { NEWEST_OPSET } from '../opsets.js';
import type { Rule, RuleContext, RuleLine } from './rule.js';

const mul = (c: RuleContext, x: string, y: string): string => c.b.op('Mul', [x, y]);

/** 0 at 0, as PyTorch. */
const relu: Rule = (c) => [
  () => mul(c, c.dy, cast(c.b, c.b.op('Greater', [c.y(), constant(c.b, c.type(0), 0)]), c.type(0))),
];
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

export const activationRules: readonly RuleLine[] = [
  ['Relu', 7, NEWEST_OPSET, relu],
  ['LeakyRelu', 7, NEWEST_OPSET, leakyRelu],
  ['Sigmoid', 7, NEWEST_OPSET, sigmoid],
  ['Tanh', 7, NEWEST_OPSET, tanh],
  ['Softmax', 7, NEWEST_OPSET, softmax],
  ['LogSoftmax', 7, NEWEST_OPSET, logSoftmax],
  ['Clip', 7, NEWEST_OPSET, clip],
  ['Dropout', 7, 11, dropoutIdentity],
  ['Dropout', 12, NEWEST_OPSET, dropout],
];
