import { floatAttribute, intAttribute } from '../attributes.js';
import { constant, expand, reduceMean, reduceSum, reshape, sumTo } from '../emit.js';
import { GRAFT_DOMAIN } from '../graft-domain.js';
import { alongChannels, LIVE, scaleAndShift } from '../live-batch-norm.js';
import { NEWEST_OPSET } from '../opsets.js';
import { elements } from '../tensor.js';
import { range, wrap } from './axes.js';
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

/** y = scale (x - mean) / sqrt(var + epsilon) + bias: by given statistics, or, in training form, by the batch's own. */
const batchNormalization: Rule = (c) => {
  const { b } = c;
  if (intAttribute(c.node, 'training_mode', 0) !== 0) return byBatch(c, () => batchStatistics(c));
  const type = c.type(0);
  const axes = c.dims(0).flatMap((_, i) => (i === 1 ? [] : [i]));
  const inverse = (): string => {
    const variance = b.op('Add', [c.x(4), constant(b, type, floatAttribute(c.node, 'epsilon', 1e-5))]);
    return b.op('Reciprocal', [b.op('Sqrt', [variance])]);
  };
  const total = (): string => reduceSum(b, c.dy, axes, false);
  const byScale = (): string => {
    const moved = reduceSum(b, b.op('Mul', [c.dy, c.x(0)]), axes, false);
    return b.op('Mul', [b.op('Sub', [moved, b.op('Mul', [c.x(3), total()])]), inverse()]);
  };
  const slope = (): string => b.op('Mul', [c.x(1), inverse()]);
  return [
    () => b.op('Mul', [c.dy, perChannel(c, slope())]),
    byScale,
    total,
    () => b.op('Neg', [b.op('Mul', [slope(), total()])]),
    () => b.op('Mul', [b.op('Mul', [constant(b, type, -0.5), byScale()]), b.op('Mul', [slope(), inverse()])]),
  ];
};

/** Mean and biased variance of every channel, [C]. */
function batchStatistics(c: RuleContext): readonly [string, string] {
  const axes = c.dims(0).flatMap((_, i) => (i === 1 ? [] : [i]));
  const mean = reduceMean(c.b, c.x(0), axes, false);
  const centred = c.b.op('Sub', [c.x(0), perChannel(c, mean)]);
  return [mean, reduceMean(c.b, c.b.op('Mul', [centred, centred]), axes, false)];
}

/** x^ = (x - mean) / sqrt(var + epsilon) over some axes (Ba et al. 2016, arXiv 1607.06450), and the way back through it. */
export interface Normalised {
  readonly normal: string;
  /** 1 / sqrt(var + epsilon) */
  readonly inverse: string;
  /** (g - mean(g) - x^ mean(g x^)) / deviation */
  back(g: string): string;
}
export function normalised(c: RuleContext, x: string, axes: readonly number[]): Normalised {
  const { b } = c;
  const centred = b.op('Sub', [x, reduceMean(b, x, axes, true)]);
  const variance = reduceMean(b, b.op('Mul', [centred, centred]), axes, true);
  const epsilon = constant(b, c.type(0), floatAttribute(c.node, 'epsilon', 1e-5));
  const inverse = b.op('Reciprocal', [b.op('Sqrt', [b.op('Add', [variance, epsilon])])]);
  const normal = b.op('Mul', [centred, inverse]);
  return {
    normal,
    inverse,
    back: (g) => {
      const along = reduceMean(b, b.op('Mul', [g, normal]), axes, true);
      const rest = b.op('Sub', [b.op('Sub', [g, reduceMean(b, g, axes, true)]), b.op('Mul', [normal, along])]);
      return b.op('Mul', [rest, inverse]);
    },
  };
}

/** y = scale x^ + bias over the axes from `axis` on; mean and 1 / deviation are outputs too, which a loss may read. */
const layerNormalization: Rule = (c) => {
  const { b } = c;
  const dims = c.dims(0);
  const axes = range(dims.length).slice(wrap(intAttribute(c.node, 'axis', -1), dims.length));
  const { normal, inverse, back } = normalised(c, c.x(0), axes);
  const share = constant(b, c.type(0), 1 / elements(axes.map((axis) => dims[axis] as number)));
  const byStatistics = (): readonly string[] => {
    const [mean, deviation] = [c.gradient(1), c.gradient(2)];
    const shared = (x: string): string => b.op('Mul', [x, share]);
    const bend = (x: string): string => b.op('Mul', [shared(x), b.op('Mul', [inverse, inverse])]);
    return [
      ...(mean === null ? [] : [expand(b, shared(mean), c.type(0), c.yDims(1), dims)]),
      ...(deviation === null ? [] : [b.op('Neg', [b.op('Mul', [normal, bend(deviation)])])]),
    ];
  };
  return [
    () => [back(b.op('Mul', [c.dy, c.x(1)])), ...byStatistics()].reduce((x, y) => b.op('Add', [x, y])),
    () => sumTo(b, b.op('Mul', [c.dy, normal]), dims, c.dims(1)),
    () => sumTo(b, c.dy, dims, c.dims(2)),
  ];
};

/**
 * By the batch's own statistics, with n numbers a channel (arXiv 1502.03167, section 3), in as few passes over the map as
 * there can be: dx = A dy + B x + C, where A, B and C are numbers per channel.
 */
const liveBatchNormalization: Rule = (c) => byBatch(c, () => [c.y(1), c.y(2)]);

function byBatch(c: RuleContext, statistics: () => readonly [string, string]): ReturnType<Rule> {
  const { b } = c;
  const [mean, variance] = statistics();
  const type = c.type(0);
  const dims = c.dims(0);
  const channels = dims[1] as number;
  const axes = dims.flatMap((_, i) => (i === 1 ? [] : [i]));
  const count = elements(dims) / channels;
  const epsilon = constant(b, type, floatAttribute(c.node, 'epsilon', 1e-5));
  const inverse = b.op('Reciprocal', [b.op('Sqrt', [b.op('Add', [variance, epsilon])])]);
  const total = reduceSum(b, c.dy, axes, false);
  const moved = reduceSum(b, b.op('Mul', [c.dy, c.x(0)]), axes, false);
  const byScale = b.op('Mul', [inverse, b.op('Sub', [moved, b.op('Mul', [mean, total])])]);
  return [
    () => {
      const share = constant(b, type, -1 / count);
      const slope = b.op('Mul', [c.x(1), inverse]);
      const ofX = b.op('Mul', [b.op('Mul', [slope, inverse]), b.op('Mul', [byScale, share])]);
      const level = b.op('Sub', [b.op('Mul', [slope, b.op('Mul', [total, share])]), b.op('Mul', [ofX, mean])]);
      const first = scaleAndShift(b, c.dy, slope, level, channels, type);
      return b.op('Add', [first, b.op('Mul', [c.x(0), alongChannels(b, ofX, channels, dims.length)])]);
    },
    () => byScale,
    () => total,
    null,
    null,
  ];
}

export const normalisationRules: readonly RuleLine[] = [
  ['BatchNormalization', 7, NEWEST_OPSET, batchNormalization],
  ['LayerNormalization', 17, NEWEST_OPSET, layerNormalization],
  [`${GRAFT_DOMAIN}:${LIVE}`, 1, 1, liveBatchNormalization],
];
