import { attributes, intAttribute, intsAttribute, stringAttribute } from '../attributes.js';
import { pad, reduceSum } from '../emit.js';
import { NEWEST_OPSET } from '../opsets.js';
import { conv } from './convolution.js';
import type { Rule, RuleContext, RuleLine } from './rule.js';

interface Axis {
  readonly stride: number;
  readonly dilation: number;
  readonly begin: number;
  /** Padding that makes the convolution of the output come out in the input's size; negative: a rest that nothing reached. */
  readonly end: number;
}

/** How the kernel goes over the output; `auto_pad` and `output_shape` become numbers, since all sizes are known. */
function axesOf(c: RuleContext, kernel: readonly number[]): readonly Axis[] {
  const auto = stringAttribute(c.node, 'auto_pad', 'NOTSET');
  const pads = intsAttribute(c.node, 'pads');
  const shaped = intsAttribute(c.node, 'output_shape') !== null;
  return kernel.map((k, i) => {
    const stride = intsAttribute(c.node, 'strides')?.[i] ?? 1;
    const dilation = intsAttribute(c.node, 'dilations')?.[i] ?? 1;
    const [input, output] = [c.dims(0)[i + 2] as number, c.yDims()[i + 2] as number];
    const covered = stride * (input - 1) + (k - 1) * dilation + 1;
    const more = intsAttribute(c.node, 'output_padding')?.[i] ?? 0;
    const total = Math.max(0, covered + more - output);
    const given = auto === 'VALID' ? 0 : (pads?.[i] ?? 0);
    const low = auto === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);
    const begin = shaped || auto.startsWith('SAME') ? low : given;
    return { stride, dilation, begin, end: covered - begin - output };
  });
}

/**
 * The transposed convolution is the gradient of a convolution by its input, so its own gradients are that convolution (by the
 * input) and the gradient of that convolution by its weights (input and output exchanged).
 * https://onnx.ai/onnx/operators/onnx__ConvTranspose.html
 */
const convTranspose: Rule = (c) => {
  const { b } = c;
  const kernel = c.dims(1).slice(2);
  const axes = axesOf(c, kernel);
  const group = intAttribute(c.node, 'group', 1);
  const crop = axes.map((a) => Math.min(0, a.end));
  const dy = (): string => pad(b, c.dy, [0, 0, ...axes.map(() => 0), 0, 0, ...crop]);
  const geometry = {
    strides: axes.map((a) => a.stride),
    dilations: axes.map((a) => a.dilation),
    pads: [...axes.map((a) => a.begin), ...axes.map((a) => Math.max(0, a.end))],
    group,
    kernel_shape: kernel,
  };
  return [
    () => b.op('Conv', [dy(), c.x(1)], geometry),
    () => {
      const [from, to] = [dy(), c.x(0)];
      const dims = c.yDims().map((d, i) => d + (crop[i - 2] ?? 0));
      const exchanged: RuleContext = {
        ...c,
        node: { ...c.node, attributes: attributes(geometry) },
        x: (i) => (i === 0 ? from : c.x(i)),
        dims: (i) => (i === 0 ? dims : c.dims(i)),
        yDims: () => c.dims(0),
        dy: to,
      };
      const byWeights = conv(exchanged)[1];
      return (byWeights as () => string)();
    },
    () => reduceSum(b, c.dy, [0, ...kernel.map((_, i) => i + 2)], false),
  ];
};

export const transposedConvolutionRules: readonly RuleLine[] = [['ConvTranspose', 7, NEWEST_OPSET, convTranspose]];
