import { elements, NEWEST_OPSET } from '../../../../src/onnx/index.js';
import type { Op, Operator } from '../op.js';
import { channelsLast, type Order, plainOrder } from '../order.js';
import type { Raw, Value } from '../recorder.js';
import { beside, elementwise, wrapped } from './align.js';
import { same } from './elementwise.js';
import type { OperatorLine } from './line.js';
import { reduced } from './reduction.js';
import { reshaped } from './shape.js';

const NHWC: Order = channelsLast(4);

/** Anything of two axes or more as [n, c, h, 1], for the kernels that want four. */
function asMap(c: Op, v: Value): Value {
  if (v.dims.length === 4) return v;
  const [n, channels, ...rest] = v.dims as [number, number, ...number[]];
  return reshaped(c, v, [n, channels, elements(rest), 1]);
}
const back = (c: Op, v: Value, dims: readonly number[]): Value => (dims.length === 4 ? v : reshaped(c, v, dims));
const perChannel = (c: Op, v: Value, rank: number): Value =>
  rank <= 2 ? v : reshaped(c, v, [v.dims[0] as number, ...new Array<number>(rank - 2).fill(1)]);

/** By given statistics: one multiplication and one addition a number, with factors worked out per channel. */
const batchNormalization: Operator = (c) => {
  const x = c.x(0);
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map((i) => c.x(i)) as [Value, Value, Value, Value];
  const epsilon = c.float('epsilon', 1e-5);
  if (c.int('training_mode', 0) !== 0) return trained(c, x, scale, bias, mean, variance, epsilon);
  const inverse = same(c, 'Rsqrt', elementwise(c, 'AddV2', [variance, beside(c, variance, epsilon)]));
  const slope = elementwise(c, 'Mul', [scale, inverse]);
  const level = elementwise(c, 'Sub', [bias, elementwise(c, 'Mul', [mean, slope])]);
  const rank = x.dims.length;
  const scaled = elementwise(c, 'Mul', [x, perChannel(c, slope, rank)]);
  return elementwise(c, 'AddV2', [scaled, perChannel(c, level, rank)]);
};
/** By the batch's own; the running ones go on as ONNX has it, with the variance as it is in the batch. */
function trained(
  c: Op,
  x: Value,
  scale: Value,
  bias: Value,
  mean: Value,
  variance: Value,
  epsilon: number,
): readonly Value[] {
  const { y, batchMean, batchVariance } = live(c, x, scale, bias, epsilon);
  const momentum = c.float('momentum', 0.9);
  const next = (old: Value, fresh: Value): Value =>
    elementwise(c, 'AddV2', [
      elementwise(c, 'Mul', [old, beside(c, old, momentum)]),
      elementwise(c, 'Mul', [fresh, beside(c, fresh, 1 - momentum)]),
    ]);
  return [y, next(mean, batchMean), next(variance, batchVariance)];
}
interface Live {
  readonly y: Value;
  readonly batchMean: Value;
  readonly batchVariance: Value;
}
function live(c: Op, x: Value, scale: Value, bias: Value, epsilon: number): Live {
  const map = asMap(c, x);
  const count = elements(x.dims) / (x.dims[1] as number);
  const none = c.constant('float32', [0], []);
  const made = c.calls('FusedBatchNormV3', [c.ordered(map, NHWC), c.plain(scale), c.plain(bias), none, none], {
    epsilon,
    data_format: 'NHWC',
    is_training: true,
    exponential_avg_factor: 1,
  });
  const [y, mean, unbiased] = made as [Raw, Raw, Raw];
  const biased = count > 1 ? c.call('Mul', [unbiased, c.constant('float32', [], (count - 1) / count)]) : unbiased;
  return { y: back(c, c.value(y, NHWC), x.dims), batchMean: c.value(mean), batchVariance: c.value(biased) };
}
/** graft.LiveBatchNormalization: (x, scale, bias) -> (y, mean, variance), the variance as it is in the batch. */
const liveBatchNormalization: Operator = (c) => {
  const { y, batchMean, batchVariance } = live(c, c.x(0), c.x(1), c.x(2), c.float('epsilon', 1e-5));
  return [y, batchMean, batchVariance];
};
/** graft.BatchNormalizationGradient: (dy, x, scale, mean, variance) -> (dx, dscale, dbias). */
const batchNormalizationGradient: Operator = (c) => {
  const [dy, x, scale, mean, variance] = [0, 1, 2, 3, 4].map((i) => c.x(i)) as [Value, Value, Value, Value, Value];
  const epsilon = c.float('epsilon', 1e-5);
  const made = c.calls(
    'FusedBatchNormGradV3',
    [
      c.ordered(asMap(c, dy), NHWC),
      c.ordered(asMap(c, x), NHWC),
      c.plain(scale),
      c.plain(mean),
      c.plain(variance),
      c.constant('float32', [0], []),
    ],
    { epsilon, data_format: 'NHWC', is_training: true },
  );
  const [dx, dscale, dbias] = made as [Raw, Raw, Raw];
  return [back(c, c.value(dx, NHWC), x.dims), c.value(dscale), c.value(dbias)];
};

/** Mean 0 and variance 1 over the given axes; also the mean and 1 / deviation. */
function standardised(c: Op, x: Value, axes: readonly number[], epsilon: number): readonly [Value, Value, Value] {
  const mean = reduced(c, 'Mean', x, axes, true);
  const centred = elementwise(c, 'Sub', [x, mean]);
  const variance = reduced(c, 'Mean', same(c, 'Square', centred), axes, true);
  const inverse = same(c, 'Rsqrt', elementwise(c, 'AddV2', [variance, beside(c, variance, epsilon)]));
  return [elementwise(c, 'Mul', [centred, inverse]), mean, inverse];
}
const layerNormalization: Operator = (c) => {
  const x = c.x(0);
  const axis = wrapped(c.int('axis', -1), x.dims.length);
  const axes = plainOrder(x.dims.length).slice(axis);
  const [normal, mean, inverse] = standardised(c, x, axes, c.float('epsilon', 1e-5));
  const scaled = elementwise(c, 'Mul', [normal, c.x(1)]);
  return [c.has(2) ? elementwise(c, 'AddV2', [scaled, c.x(2)]) : scaled, mean, inverse];
};
const instanceNormalization: Operator = (c) => {
  const x = c.x(0);
  const rank = x.dims.length;
  const [normal] = standardised(c, x, plainOrder(rank).slice(2), c.float('epsilon', 1e-5));
  const scaled = elementwise(c, 'Mul', [normal, perChannel(c, c.x(1), rank)]);
  return elementwise(c, 'AddV2', [scaled, perChannel(c, c.x(2), rank)]);
};
/** Scale and bias are one to a group before opset 21, one to a channel from then on. */
const groupNormalization: Operator = (c) => {
  const x = c.x(0);
  const [n, channels, ...rest] = x.dims as [number, number, ...number[]];
  const count = c.int('num_groups', 1);
  const apart = reshaped(c, x, [n, count, channels / count, elements(rest)]);
  const [normal] = standardised(c, apart, [2, 3], c.float('epsilon', 1e-5));
  const beside = (v: Value): Value => reshaped(c, v, [count, v.dims[0] === channels ? channels / count : 1, 1]);
  const scaled = elementwise(c, 'Mul', [normal, beside(c.x(1))]);
  return reshaped(c, elementwise(c, 'AddV2', [scaled, beside(c.x(2))]), x.dims);
};
const rmsNormalization: Operator = (c) => {
  const x = c.x(0);
  const axis = wrapped(c.int('axis', -1), x.dims.length);
  const power = reduced(c, 'Mean', same(c, 'Square', x), plainOrder(x.dims.length).slice(axis), true);
  const inverse = same(c, 'Rsqrt', elementwise(c, 'AddV2', [power, beside(c, power, c.float('epsilon', 1e-5))]));
  return elementwise(c, 'Mul', [elementwise(c, 'Mul', [x, inverse]), c.x(1)]);
};
const lpNormalization: Operator = (c) => {
  const x = c.x(0);
  const axis = wrapped(c.int('axis', -1), x.dims.length);
  const two = c.int('p', 2) === 2;
  const sum = reduced(c, 'Sum', same(c, two ? 'Square' : 'Abs', x), [axis], true);
  // A row of zeros stays one.
  return elementwise(c, 'DivNoNan', [x, two ? same(c, 'Sqrt', sum) : sum]);
};

/** Across channels; the kernel looks as far to one side as to the other. */
const localResponse: Operator = (c) => {
  const x = c.x(0);
  const size = c.int('size', 1);
  if (size % 2 === 0 || x.dims.length !== 4) throw c.unsupported(`looks at ${size} channels of ${x.dims.length} axes`);
  const settings = { bias: c.float('bias', 1), alpha: c.float('alpha', 1e-4) / size, beta: c.float('beta', 0.75) };
  const made = c.call('LRN', [c.ordered(x, NHWC)], { depth_radius: (size - 1) / 2, ...settings });
  return c.value(made, NHWC);
};

const N = NEWEST_OPSET;
export const normalisationOperators: readonly OperatorLine[] = [
  ['BatchNormalization', 7, N, batchNormalization],
  ['LayerNormalization', 17, N, layerNormalization],
  ['InstanceNormalization', 7, N, instanceNormalization],
  ['GroupNormalization', 18, N, groupNormalization],
  ['RMSNormalization', 23, N, rmsNormalization],
  ['LRN', 7, N, localResponse],
  ['LpNormalization', 7, N, lpNormalization],
  ['graft:LiveBatchNormalization', 1, 1, liveBatchNormalization],
  ['graft:BatchNormalizationGradient', 1, 1, batchNormalizationGradient],
];
