import { intAttribute, intsAttribute, stringAttribute } from '../attributes.js';
import { pad, reduceSum, reshape, slice, unsqueeze } from '../emit.js';
import { OnnxError } from '../error.js';
import { NEWEST_OPSET } from '../opsets.js';
import { elements } from '../tensor.js';
import type { Rule, RuleContext, RuleLine } from './rule.js';

interface Window {
  /** Sizes of the spatial axes: input, output, kernel. */
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly begins: readonly number[];
  readonly ends: readonly number[];
}

/** How the kernel goes over the input; `auto_pad` becomes numbers, since all sizes are known. */
export function windowOf(c: RuleContext, kernel: readonly number[]): Window {
  const input = c.dims(0).slice(2);
  const output = c.yDims().slice(2);
  const ones = kernel.map(() => 1);
  const strides = intsAttribute(c.node, 'strides') ?? ones;
  const dilations = intsAttribute(c.node, 'dilations') ?? ones;
  const auto = stringAttribute(c.node, 'auto_pad', 'NOTSET');
  const given = intsAttribute(c.node, 'pads');
  const rank = kernel.length;
  const reach = kernel.map(
    (k, i) => ((output[i] as number) - 1) * (strides[i] as number) + (k - 1) * (dilations[i] as number) + 1,
  );
  const same = reach.map((r, i) => Math.max(0, r - (input[i] as number)));
  const low = (i: number): number => {
    const total = same[i] as number;
    if (auto === 'SAME_UPPER') return Math.floor(total / 2);
    if (auto === 'SAME_LOWER') return Math.ceil(total / 2);
    return auto === 'NOTSET' ? (given?.[i] ?? 0) : 0;
  };
  const begins = kernel.map((_, i) => low(i));
  const ends = kernel.map((_, i) =>
    auto === 'NOTSET' ? (given?.[i + rank] ?? 0) : Math.max(0, (same[i] as number) - low(i)),
  );
  return { input, output, kernel, strides, dilations, begins, ends };
}

/** What each tap of the kernel saw of the padded input: tap -> `[N, channels, ...output]`, taps in row-major order. */
export function taps(c: RuleContext, w: Window, padded: string): readonly string[] {
  const axes = w.kernel.map((_, i) => i + 2);
  return Array.from({ length: elements(w.kernel) }, (_, tap) => {
    const at: number[] = [];
    for (let i = w.kernel.length - 1, rest = tap; i >= 0; i--) {
      const k = w.kernel[i] as number;
      at.unshift((rest % k) * (w.dilations[i] as number));
      rest = Math.floor(rest / k);
    }
    const ends = at.map((from, i) => from + ((w.output[i] as number) - 1) * (w.strides[i] as number) + 1);
    const steps = w.strides.some((s) => s > 1) ? { steps: w.strides } : {};
    return slice(c.b, padded, { starts: at, ends, axes, ...steps });
  });
}

/** The input with its padding, cut to what the kernel reaches. */
export function paddedInput(c: RuleContext, w: Window): string {
  const ends = w.kernel.map((k, i) => {
    const reach = ((w.output[i] as number) - 1) * (w.strides[i] as number) + (k - 1) * (w.dilations[i] as number) + 1;
    return reach - (w.input[i] as number) - (w.begins[i] as number);
  });
  return pad(c.b, c.x(0), [0, 0, ...w.begins, 0, 0, ...ends]);
}

/**
 * Convolution, y = x * W + B: https://onnx.ai/onnx/operators/onnx__Conv.html. By the input: the transposed convolution. By
 * the weights: for every tap one product of the output's gradient with what the tap saw, summed over the batch. Strides
 * above 1 need opset 10.
 */
const conv: Rule = (c) => {
  const { b } = c;
  const [out, perGroup, ...kernel] = c.dims(1) as [number, number, ...number[]];
  const group = intAttribute(c.node, 'group', 1);
  const w = windowOf(c, kernel);
  if (w.strides.some((s) => s > 1) && b.opset < 10)
    throw new OnnxError(
      'operator-not-differentiable',
      `Conv '${c.node.name}' with strides needs opset 10 to be trained.`,
    );
  const [n] = c.dims(0) as [number];
  const places = elements(w.output);
  return [
    () => {
      const padding = w.kernel.map((k, i) => {
        const full =
          ((w.output[i] as number) - 1) * (w.strides[i] as number) + (k - 1) * (w.dilations[i] as number) + 1;
        return (w.input[i] as number) - full + (w.begins[i] as number) + (w.ends[i] as number);
      });
      return b.op('ConvTranspose', [c.dy, c.x(1)], {
        strides: w.strides,
        dilations: w.dilations,
        pads: [...w.begins, ...w.ends],
        output_padding: padding,
        group,
        kernel_shape: kernel,
      });
    },
    () => {
      const grouped = [n, group, out / group, places];
      const dy = reshape(b, c.dy, group === 1 ? [n, out, places] : grouped);
      const seen = taps(c, w, paddedInput(c, w)).map((tap) => {
        const x = reshape(b, tap, group === 1 ? [n, perGroup, places] : [n, group, perGroup, places]);
        const turned = b.op('Transpose', [x], { perm: group === 1 ? [0, 2, 1] : [0, 1, 3, 2] });
        const each = b.op('MatMul', [dy, turned]);
        return reduceSum(b, each, [0], false);
      });
      if (seen.length === 1) return reshape(b, seen[0] as string, c.dims(1));
      const flat = seen.map((s) => unsqueeze(b, reshape(b, s, [out, perGroup]), [2]));
      return reshape(b, b.op('Concat', flat, { axis: 2 }), c.dims(1));
    },
    () => reduceSum(b, c.dy, [0, ...w.output.map((_, i) => i + 2)], false),
  ];
};

export const convolutionRules: readonly RuleLine[] = [['Conv', 7, NEWEST_OPSET, conv]];
