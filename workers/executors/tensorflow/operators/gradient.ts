import type { Operator } from '../op.js';
import type { Raw } from '../recorder.js';
import { aligned } from './align.js';
import type { OperatorLine } from './line.js';

/** graft.ReluGradient and graft.Relu6Gradient: (dy, x) -> dx, in one pass. */
const gated =
  (kernel: 'ReluGrad' | 'Relu6Grad'): Operator =>
  (c) => {
    const { raws, order } = aligned(c, [c.x(0), c.x(1)]);
    return c.value(c.call(kernel, raws as readonly Raw[]), order);
  };
/** graft.SigmoidGradient and graft.TanhGradient: (y, dy) -> dx. */
const fromOutput =
  (kernel: 'SigmoidGrad' | 'TanhGrad'): Operator =>
  (c) => {
    const { raws, order } = aligned(c, [c.x(0), c.x(1)]);
    return c.value(c.call(kernel, raws as readonly Raw[]), order);
  };

/**
 * graft.SegmentSum: (rows [n, width], indices int64 [n]) -> [size, width], of which row k is the sum of the rows whose index is k,
 * or k - `size`, in their order; 0 where there is none.
 */
const segmentSum: Operator = (c) => {
  const size = c.int('size', 0);
  const at = c.plain(c.x(1));
  const fromStart = c.call('FloorMod', [at, c.constant(at.type, [], size)]);
  return c.value(c.call('UnsortedSegmentSum', [c.plain(c.x(0)), fromStart, c.constant('int32', [], size)]));
};

export const gradientOperators: readonly OperatorLine[] = [
  ['graft:ReluGradient', 1, 1, gated('ReluGrad')],
  ['graft:Relu6Gradient', 1, 1, gated('Relu6Grad')],
  ['graft:SigmoidGradient', 1, 1, fromOutput('SigmoidGrad')],
  ['graft:TanhGradient', 1, 1, fromOutput('TanhGrad')],
  ['graft:SegmentSum', 1, 1, segmentSum],
];
