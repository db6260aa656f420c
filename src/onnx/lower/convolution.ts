import { intAttribute, intsAttribute } from '../attributes.js';
import type { GraphBuilder } from '../builder.js';
import { reach, span, type Window } from '../differentiate/convolution-window.js';
import { pad, reduceSum, reshape, slice, unsqueeze } from '../emit.js';
import { OnnxError } from '../error.js';
import { elements } from '../tensor.js';
import type { Node } from '../types.js';
import { type InputForm, inputForm, type WeightForm, weightForm } from './convolution-forms.js';

/** (dy, w) -> dx and (x, dy) -> dw, with Conv's attributes, all explicit, and the sizes `shape` (the result's), `x_shape`, `w_shape`. */
export const CONV_INPUT_GRADIENT = 'ConvInputGradient';
export const CONV_WEIGHT_GRADIENT = 'ConvWeightGradient';

export interface Geometry {
  readonly n: number;
  /** Output channels, input channels of a group, groups. */
  readonly out: number;
  readonly perGroup: number;
  readonly group: number;
  readonly w: Window;
}

const required = (node: Node, name: string): readonly number[] => {
  const found = intsAttribute(node, name);
  if (!found) throw new OnnxError('malformed', `graft.${node.opType} '${node.name}' states no ${name}.`);
  return found;
};

/** The sizes of the convolution whose gradient the node computes. */
export function geometryOf(node: Node): Geometry {
  const [n, , ...input] = required(node, 'x_shape') as [number, number, ...number[]];
  const [out, perGroup, ...kernel] = required(node, 'w_shape') as [number, number, ...number[]];
  const [strides, dilations, pads] = [required(node, 'strides'), required(node, 'dilations'), required(node, 'pads')];
  const [begins, ends] = [pads.slice(0, kernel.length), pads.slice(kernel.length)];
  const output = input.map((size, i) => {
    const room =
      size + (begins[i] as number) + (ends[i] as number) - ((kernel[i] as number) - 1) * (dilations[i] as number);
    return Math.floor((room - 1) / (strides[i] as number)) + 1;
  });
  const w: Window = { input, output, kernel, strides, dilations, begins, ends };
  return { n, out, perGroup, group: intAttribute(node, 'group', 1), w };
}

type Form = (b: GraphBuilder, first: string, second: string, g: Geometry) => string;

/** Emits the gradient in standard operators, in the given form or in that which `convolution-forms.ts` says is the fastest. */
export function convInputGradient(b: GraphBuilder, node: Node, form?: InputForm): string {
  const [dy, weight] = node.inputs as readonly [string, string];
  const g = geometryOf(node);
  return INPUT_FORMS[form ?? inputForm({ ...g, ...g.w, opset: b.opset })](b, dy, weight, g);
}

export function convWeightGradient(b: GraphBuilder, node: Node, form?: WeightForm): string {
  const [x, dy] = node.inputs as readonly [string, string];
  const g = geometryOf(node);
  return WEIGHT_FORMS[form ?? weightForm({ ...g, ...g.w, opset: b.opset })](b, x, dy, g);
}

const perAxis = (w: Window, of: (i: number) => number): readonly number[] => w.kernel.map((_, i) => of(i));

/** What each tap of the kernel saw of the padded input: tap -> `[N, channels, ...output]`, taps in row-major order. */
function taps(b: GraphBuilder, w: Window, padded: string): readonly string[] {
  const axes = w.kernel.map((_, i) => i + 2);
  return Array.from({ length: elements(w.kernel) }, (_, tap) => {
    const at: number[] = [];
    for (let i = w.kernel.length - 1, rest = tap; i >= 0; i--) {
      const k = w.kernel[i] as number;
      at.unshift((rest % k) * (w.dilations[i] as number));
      rest = Math.floor(rest / k);
    }
    const ends = at.map((from, i) => from + ((w.output[i] as number) - 1) * (w.strides[i] as number) + 1);
    if (w.strides.every((s) => s === 1)) return slice(b, padded, { starts: at, ends, axes });
    if (b.opset >= 10) return slice(b, padded, { starts: at, ends, axes, steps: w.strides });
    // Slices have no steps yet; the largest of one number is that number.
    const all = slice(b, padded, { starts: at, ends, axes });
    return b.op('MaxPool', [all], { kernel_shape: w.kernel.map(() => 1), strides: w.strides });
  });
}

/** The input with its padding, cut to what the kernel reaches. */
function paddedInput(b: GraphBuilder, x: string, w: Window): string {
  const ends = w.kernel.map((_, i) => {
    return reach(w, i) - (w.input[i] as number) - (w.begins[i] as number);
  });
  return pad(b, x, [0, 0, ...w.begins, 0, 0, ...ends]);
}

/** The transposed convolution: any stride. */
function inputByTransposed(b: GraphBuilder, dy: string, weight: string, { group, w }: Geometry): string {
  const missing = (i: number): number => {
    return (w.input[i] as number) - reach(w, i) + (w.begins[i] as number) + (w.ends[i] as number);
  };
  return b.op('ConvTranspose', [dy, weight], {
    strides: w.strides,
    dilations: w.dilations,
    pads: [...w.begins, ...w.ends],
    output_padding: perAxis(w, missing),
    group,
    kernel_shape: w.kernel,
  });
}

/** At stride 1 a convolution again, with the kernel turned round and its channels exchanged. */
function inputByConv(b: GraphBuilder, dy: string, weight: string, { out, perGroup, group, w }: Geometry): string {
  const rank = w.kernel.length;
  let kernel = weight;
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
  return b.op('Conv', [dy, kernel], { group, dilations: w.dilations, pads: [...begins, ...ends] });
}

/** Depthwise: every plane of every example convolved with its own output gradient as the kernel; then summed over examples. */
function weightsByKernel(b: GraphBuilder, input: string, gradient: string, { out, perGroup, n, w }: Geometry): string {
  const planes = n * out;
  const x = reshape(b, input, [1, planes, ...w.input]);
  const dy = reshape(b, gradient, [planes, 1, ...w.output]);
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
  return reshape(b, reduceSum(b, reshape(b, cut, [n, out, ...w.kernel]), [0], false), [out, perGroup, ...w.kernel]);
}

/** A kernel of one place: a matrix product per example, summed. */
function weightsByProduct(b: GraphBuilder, input: string, gradient: string, { out, perGroup, n, w }: Geometry): string {
  const places = elements(w.output);
  const dy = reshape(b, gradient, [n, out, places]);
  const x = b.op('Transpose', [reshape(b, input, [n, perGroup, places])], { perm: [0, 2, 1] });
  return reshape(b, reduceSum(b, b.op('MatMul', [dy, x]), [0], false), [out, perGroup, ...w.kernel]);
}

/** For every tap of the kernel one product of the output's gradient with what the tap saw, summed over the batch. */
function weightsByTaps(
  b: GraphBuilder,
  input: string,
  gradient: string,
  { out, perGroup, group, n, w }: Geometry,
): string {
  const places = elements(w.output);
  const dy = reshape(b, gradient, group === 1 ? [n, out, places] : [n, group, out / group, places]);
  const seen = taps(b, w, paddedInput(b, input, w)).map((tap) => {
    const x = reshape(b, tap, group === 1 ? [n, perGroup, places] : [n, group, perGroup, places]);
    const turned = b.op('Transpose', [x], { perm: group === 1 ? [0, 2, 1] : [0, 1, 3, 2] });
    return reduceSum(b, b.op('MatMul', [dy, turned]), [0], false);
  });
  if (seen.length === 1) return reshape(b, seen[0] as string, [out, perGroup, ...w.kernel]);
  const flat = seen.map((s) => unsqueeze(b, reshape(b, s, [out, perGroup]), [2]));
  return reshape(b, b.op('Concat', flat, { axis: 2 }), [out, perGroup, ...w.kernel]);
}

const INPUT_FORMS: Readonly<Record<InputForm, Form>> = { conv: inputByConv, transposed: inputByTransposed };
const WEIGHT_FORMS: Readonly<Record<WeightForm, Form>> = {
  kernel: weightsByKernel,
  product: weightsByProduct,
  taps: weightsByTaps,
};
