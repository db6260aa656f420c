import { floatAttribute, intAttribute } from '../attributes.js';
import { constant, reduceSum, reshape } from '../emit.js';
import { OnnxError } from '../error.js';
import { NEWEST_OPSET } from '../opsets.js';
import type { Rule, RuleContext, RuleLine } from './rule.js';

/** [C] as it lies along the second axis of the input. */
const perChannel = (c: RuleContext, name: string): string =>
  reshape(c.b, name, [
    c.dims(1)[0] as number,
    ...c
      .dims(0)
      .slice(2)
      .map(() => 1),
  ]);

/** y = scale (x - mean) / sqrt(var + epsilon) + bias, by given statistics. */
const batchNormalization: Rule = (c) => {
  const { b } = c;
  if (intAttribute(c.node, 'training_mode', 0) !== 0)
    throw new OnnxError('operator-not-differentiable', `BatchNormalization '${c.node.name}' is in training form.`);
  const type = c.type(0);
  const axes = c.dims(0).flatMap((_, i) => (i === 1 ? [] : [i]));
  const inverse = (): string => {
    const variance = b.op('Add', [c.x(4), constant(b, type, floatAttribute(c.node, 'epsilon', 1e-5))]);
    return b.op('Reciprocal', [b.op('Sqrt', [variance])]);
  };
  const total = (): string => reduceSum(b, c.dy, axes, false);
  return [
    () => b.op('Mul', [c.dy, perChannel(c, b.op('Mul', [c.x(1), inverse()]))]),
    () => {
      const moved = reduceSum(b, b.op('Mul', [c.dy, c.x(0)]), axes, false);
      return b.op('Mul', [b.op('Sub', [moved, b.op('Mul', [c.x(3), total()])]), inverse()]);
    },
    () => total(),
    null,
    null,
  ];
};

export const normalisationRules: readonly RuleLine[] = [['BatchNormalization', 7, NEWEST_OPSET, batchNormalization]];
