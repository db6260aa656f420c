import { intAttribute } from '../attributes.js';
import { reduceSum } from '../emit.js';
import { GRAFT_DOMAIN } from '../graft-domain.js';
import { CONV_INPUT_GRADIENT, CONV_WEIGHT_GRADIENT } from '../lower/convolution.js';
import { NEWEST_OPSET } from '../opsets.js';
import { windowOf } from './convolution-window.js';
import type { Rule, RuleLine } from './rule.js';

/**
 * Convolution, y = x * W + B: https://onnx.ai/onnx/operators/onnx__Conv.html. Engines have kernels of their own for both
 * gradients, so they are operators of the domain `graft`, which `lowerGradients` writes out in standard ones.
 */
export const conv: Rule = (c) => {
  const w = windowOf(c, c.dims(1).slice(2));
  const attributes = {
    kernel_shape: w.kernel,
    strides: w.strides,
    dilations: w.dilations,
    pads: [...w.begins, ...w.ends],
    group: intAttribute(c.node, 'group', 1),
  };
  const sizes = { x_shape: c.dims(0), w_shape: c.dims(1) };
  const gradient = (opType: string, inputs: readonly string[], shape: readonly number[]): string =>
    c.b.op(opType, inputs, { ...attributes, ...sizes, shape }, { domain: GRAFT_DOMAIN });
  return [
    () => gradient(CONV_INPUT_GRADIENT, [c.dy, c.x(1)], c.dims(0)),
    () => gradient(CONV_WEIGHT_GRADIENT, [c.x(0), c.dy], c.dims(1)),
    () => reduceSum(c.b, c.dy, [0, ...w.output.map((_, i) => i + 2)], false),
  ];
};

export const convolutionRules: readonly RuleLine[] = [['Conv', 7, NEWEST_OPSET, conv]];
