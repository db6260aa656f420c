import { intAttribute } from '../attributes.js';
import { pad, reduceSum, reshape, slice, unsqueeze } from '../emit.js';
import { OnnxError } from '../error.js';
import { NEWEST_OPSET } from '../opsets.js';
import { elements } from '../tensor.js';
import { inputForm, weightForm } from './convolution-forms.js';
import { reach, span, type Window, windowOf } from './convolution-window.js';
import type { Rule, RuleContext, RuleLine } from './rule.js';

/** What each tap of the kernel saw of the padded input: tap -> `[N, channels, ...output]`, taps in row-major order. */
function taps(c: RuleContext, w: Window, padded: string): readonly string[] {
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
function paddedInput(c: RuleContext, w: Window): string {
  const ends = w.kernel.map((_, i) => {
    return reach(w, i) - (w.input[i] as number) - (w.begins[i] as number);
  });
  return pad(c.b, c.x(0), [0, 0, ...w.begins, 0, 0, ...ends]);
}

const perAxis = (w: Window, of: (i: number) => number): readonly number[] => w.kernel.map((_, i) => of(i));

/**
 * Convolution, y = x * W + B: https://onnx.ai/onnx/operators/onnx__Conv.html. Each gradient has several forms, of which
 * `convolution-forms.ts` chooses the fastest for the sizes at hand.
 */
export const conv: Rule = (c) => {
  const [out, perGroup, ...kernel] = c.dims(1) as [number, number, ...number[]];
  const group = intAttribute(c.node, 'group', 1);
  const w = windowOf(c, kernel);
  const g: Geometry = { out, perGroup, group, w, n: c.dims(0)[0] as number };
  const shape = { ...g, ...w, opset: c.b.opset };
  return [
    () => (inputForm(shape) === 'conv' ? inputByConv(c, g) : inputByTransposed(c, g)),
    () => {
      const form = weightForm(shape);
      if (form === 'kernel') return weightsByKernel(c, g);
      if (form === 'product') return weightsByProduct(c, g);
      if (w.strides.some((s) => s > 1) && c.b.opset < 10)
        throw new OnnxError(
          'operator-not-differentiable',
          `Conv '${c.node.name}' with strides needs opset 10 to be trained; the model has ${c.b.opset}.`,
        );
      return weightsByTaps(c, g);
    },
    () => reduceSum(c.b, c.dy, [0, ...w.output.map((_, i) => i + 2)], false),
  ];
};

interface Geometry {
  readonly out: number;
  readonly perGroup: number;
  readonly group: number;
  readonly n: number;
  readonly w: Window;
}

/** The transposed convolution: any stride. */
function inputByTransposed(c: RuleContext, { group, w }: Geometry): string {
  const missing = (i: number): number => {
    return (w.input[i] as number) - reach(w, i) + (w.begins[i] as number) + (w.ends[i] as number);
  };
  return c.b.op('ConvTranspose', [c.dy, c.x(1)], {
    strides: w.strides,
    dilations: w.dilations,
    pads: [...w.begins, ...w.ends],
    output_padding: perAxis(w, missing),
    group,
    kernel_shape: w.kernel,
  });
}

/** At stride 1 a convolution again, with the kernel turned round and its channels exchanged. */
function inputByConv(c: RuleContext, { out, perGroup, group, w }: Geometry): string {
  const { b } = c;
  const rank = w.kernel.length;
  let kernel = c.x(1);
  if (group === 1) kernel = b.op('Transpose', [kernel], { perm: [1, 0, ...perAxis(w, (i) => i + 2)] });
  else if (perGroup > 1 || out > group) {
    const split = reshape(b, kernel, [group, out / group, perGroup, ...w.kernel]);
    const turned = b.op('Transpose', [split], { perm: [0, 2, 1, ...perAxis(w, (i) => i + 3)] });
    kernel = reshape(b, turned, [group * perGroup, out / group, ...w.kernel]);
  }
  if (w.kernel.some((k) => k > 1))
    kernel = slice(b, kernel, {
      starts: perAxis(w, () => -1),
      ends: perAxis(w, () => -(2 ** 40)),
      axes: perAxis(w, (i) => i + 2),
      steps: new Array(rank).fill(-1),
    });
  const begins = perAxis(w, (i) => span(w, i) - (w.begins[i] as number));
  const ends = perAxis(w, (i) => span(w, i) - (w.ends[i] as number));
  return b.op('Conv', [c.dy, kernel], { group, dilations: w.dilations, pads: [...begins, ...ends] });
}

/** Depthwise: every plane of every example convolved with its own output gradient as the kernel; then summed over examples. */
function weightsByKernel(c: RuleContext, { out, n, w }: Geometry): string {
  const { b } = c;
  const planes = n * out;
  const x = reshape(b, c.x(0), [1, planes, ...w.input]);
  const dy = reshape(b, c.dy, [planes, 1, ...w.output]);
  const most = (i: number): number => {
    return Math.max(0, reach(w, i) - (w.input[i] as number) - (w.begins[i] as number));
  };
  const all = b.op('Conv', [x, dy], {
    group: planes,
    strides: w.dilations,
    dilations: w.strides,
    pads: [...w.begins, ...perAxis(w, most)],
  });
  // Where strides leave a rest of the input over, the kernel has places too many at its end.
  const cut = slice(b, all, {
    starts: perAxis(w, () => 0),
    ends: w.kernel,
    axes: perAxis(w, (i) => i + 2),
  });
  return reshape(b, reduceSum(b, reshape(b, cut, [n, out, ...w.kernel]), [0], false), c.dims(1));
}

/** A kernel of one place: a matrix product per example, summed. */
function weightsByProduct(c: RuleContext, { out, perGroup, n, w }: Geometry): string {
  const { b } = c;
  const places = elements(w.output);
  const dy = reshape(b, c.dy, [n, out, places]);
  const x = b.op('Transpose', [reshape(b, c.x(0), [n, perGroup, places])], { perm: [0, 2, 1] });
  return reshape(b, reduceSum(b, b.op('MatMul', [dy, x]), [0], false), c.dims(1));
}

/** For every tap of the kernel one product of the output's gradient with what the tap saw, summed over the batch. */
function weightsByTaps(c: RuleContext, { out, perGroup, group, n, w }: Geometry): string {
  const { b } = c;
  const places = elements(w.output);
  const dy = reshape(b, c.dy, group === 1 ? [n, out, places] : [n, group, out / group, places]);
  const seen = taps(c, w, paddedInput(c, w)).map((tap) => {
    const x = reshape(b, tap, group === 1 ? [n, perGroup, places] : [n, group, perGroup, places]);
    const turned = b.op('Transpose', [x], { perm: group === 1 ? [0, 2, 1] : [0, 1, 3, 2] });
    return reduceSum(b, b.op('MatMul', [dy, turned]), [0], false);
  });
  if (seen.length === 1) return reshape(b, seen[0] as string, c.dims(1));
  const flat = seen.map((s) => unsqueeze(b, reshape(b, s, [out, perGroup]), [2]));
  return reshape(b, b.op('Concat', flat, { axis: 2 }), c.dims(1));
}

export const convolutionRules: readonly RuleLine[] = [['Conv', 7, NEWEST_OPSET, conv]];
