import { floatAttribute, intAttribute } from '../attributes.js';
import { constant, reduceMean, reshape, sumTo } from '../emit.js';
import { NEWEST_OPSET } from '../opsets.js';
import { elements } from '../tensor.js';
import { range, wrap } from './axes.js';
import { normalised } from './normalisation.js';
import type { Rule, RuleContext, RuleLine } from './rule.js';

/**
 * y = scale x^ + bias, x^ over all places of a group of channels, of one example. Scale and bias are per channel, or per group
 * (GroupNormalization before opset 21).
 */
const inGroups =
  (groupsOf: (c: RuleContext) => number): Rule =>
  (c) => {
    const { b } = c;
    const [n, channels, ...places] = c.dims(0) as [number, number, ...number[]];
    const groups = groupsOf(c);
    const split = [n, groups, channels / groups, elements(places)];
    const perGroup = c.dims(1)[0] === groups && groups !== channels;
    const lying = [groups, perGroup ? 1 : channels / groups, 1];
    const { normal, back } = normalised(c, reshape(b, c.x(0), split), [2, 3]);
    const dy = reshape(b, c.dy, split);
    const summed = (x: string): string => reshape(b, sumTo(b, x, split, lying), c.dims(1));
    return [
      () => reshape(b, back(b.op('Mul', [dy, reshape(b, c.x(1), lying)])), c.dims(0)),
      () => summed(b.op('Mul', [dy, normal])),
      () => summed(dy),
    ];
  };
/** Every channel by itself. */
const instanceNormalization = inGroups((c) => c.dims(0)[1] as number);
const groupNormalization = inGroups((c) => intAttribute(c.node, 'num_groups', 1));

/** y = scale x / rms, rms = sqrt(mean(x²) + epsilon): dx = (g - x^ mean(g x^)) / rms with x^ = x / rms, g = dy scale. */
const rmsNormalization: Rule = (c) => {
  const { b } = c;
  const dims = c.dims(0);
  const axes = range(dims.length).slice(wrap(intAttribute(c.node, 'axis', -1), dims.length));
  const square = reduceMean(b, b.op('Mul', [c.x(0), c.x(0)]), axes, true);
  const epsilon = constant(b, c.type(0), floatAttribute(c.node, 'epsilon', 1e-5));
  const inverse = b.op('Reciprocal', [b.op('Sqrt', [b.op('Add', [square, epsilon])])]);
  const normal = b.op('Mul', [c.x(0), inverse]);
  return [
    () => {
      const g = b.op('Mul', [c.dy, c.x(1)]);
      const along = reduceMean(b, b.op('Mul', [g, normal]), axes, true);
      return b.op('Mul', [b.op('Sub', [g, b.op('Mul', [normal, along])]), inverse]);
    },
    () => sumTo(b, b.op('Mul', [c.dy, normal]), dims, c.dims(1)),
  ];
};

export const groupNormalisationRules: readonly RuleLine[] = [
  ['InstanceNormalization', 7, NEWEST_OPSET, instanceNormalization],
  ['GroupNormalization', 18, NEWEST_OPSET, groupNormalization],
  ['RMSNormalization', 23, NEWEST_OPSET, rmsNormalization],
];
