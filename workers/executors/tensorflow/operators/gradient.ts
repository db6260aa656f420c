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

export const gradientOperators: readonly OperatorLine[] = [
  ['graft:ReluGradient', 1, 1, gated('ReluGrad')],
  ['graft:Relu6Gradient', 1, 1, gated('Relu6Grad')],
  ['graft:SigmoidGradient', 1, 1, fromOutput('SigmoidGrad')],
  ['graft:TanhGradient', 1, 1, fromOutput('TanhGrad')],
];
