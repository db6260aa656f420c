import { elements, HWCM, HWIO } from '../../../../src/onnx/index.js';
import type { Op } from '../op.js';
import { channelsLast, type Order } from '../order.js';
import type { Raw, Value } from '../recorder.js';
import { concatenated, reshaped } from './shape.js';
import { paddingOf, type Window } from './window.js';

const NHWC: Order = channelsLast(4);

/** A convolution over two axes; `x` and `y` are sizes of input and output as ONNX has them. */
export interface Geometry {
  readonly w: Window;
  readonly group: number;
  readonly x: readonly number[];
  readonly weight: readonly number[];
}
const isPoint = ({ w, group }: Geometry): boolean =>
  group === 1 &&
  w.kernel.every((k) => k === 1) &&
  w.strides.every((s) => s === 1) &&
  [...w.begins, ...w.ends].every((p) => p === 0);
const isDepthwise = ({ group, weight }: Geometry): boolean => group > 1 && weight[1] === 1;
const attributesOf = ({ w }: Geometry) => ({
  strides: [1, ...w.strides, 1],
  dilations: [1, ...w.dilations, 1],
  data_format: 'NHWC',
  ...paddingOf(w),
});
/** Depthwise kernels know one stride for both axes. */
const evenStride = (g: Geometry): boolean => g.w.strides[0] === g.w.strides[1];

const rows = (c: Op, v: Value): Raw => {
  const channels = v.dims[1] as number;
  return c.call('Reshape', [c.ordered(v, NHWC), c.sizes([elements(v.dims) / channels, channels])]);
};
const fromRows = (c: Op, raw: Raw, dims: readonly number[]): Value =>
  c.value(c.call('Reshape', [raw, c.sizes(NHWC.map((a) => dims[a] as number))]), NHWC);
/** A kernel of one place as a matrix [in, out]. */
const matrix = (c: Op, v: Value): Raw => {
  const [out, channels] = v.dims as [number, number];
  return c.call('Reshape', [c.ordered(v, HWIO), c.sizes([channels, out])]);
};
/** Without oneDNN's kernels for bfloat16 the library's convolutions add up in it; its products do so in float32. */
const asProduct = (c: Op, g: Geometry): boolean => c.mixed && isPoint(g);
const depthwiseKernel = (c: Op, v: Value, { group, weight }: Geometry): Raw => {
  const [out, , ...kernel] = weight as [number, number, ...number[]];
  const each = out / group;
  return c.ordered(each === 1 ? v : reshaped(c, v, [group, each, ...kernel]), HWCM);
};

/** The part of every group, along an axis of ONNX's order. */
function groups(c: Op, v: Value, axis: number, group: number): readonly Value[] {
  const place = c.constant('int32', [], v.order.indexOf(axis));
  return c.calls('Split', [place, v.raw], { num_split: group }).map((r) => c.value(r, v.order));
}
function joined(c: Op, parts: readonly Value[], axis: number): Value {
  const [first] = parts as [Value];
  const raws = parts.map((v) => c.ordered(v, first.order));
  return c.value(concatenated(c, raws, first.order.indexOf(axis)), first.order);
}
const one = (g: Geometry): Geometry => ({
  w: g.w,
  group: 1,
  x: g.x.map((d, i) => (i === 1 ? d / g.group : d)),
  weight: g.weight.map((d, i) => (i === 0 ? d / g.group : d)),
});

export function forward(c: Op, x: Value, weight: Value, g: Geometry): Value {
  if (asProduct(c, g)) {
    const made = c.call('MatMul', [rows(c, x), matrix(c, weight)], { transpose_a: false, transpose_b: false });
    return fromRows(c, made, [g.x[0] as number, g.weight[0] as number, ...g.w.output]);
  }
  if (isDepthwise(g) && evenStride(g)) {
    const raws = [c.ordered(x, NHWC), depthwiseKernel(c, weight, g)];
    return c.value(c.call('DepthwiseConv2dNative', raws, attributesOf(g)), NHWC);
  }
  if (g.group > 1) {
    const [xs, ws] = [groups(c, x, 1, g.group), groups(c, weight, 0, g.group)];
    return joined(
      c,
      xs.map((part, i) => forward(c, part, ws[i] as Value, one(g))),
      1,
    );
  }
  return c.value(c.call('Conv2D', [c.ordered(x, NHWC), c.ordered(weight, HWIO)], attributesOf(g)), NHWC);
}

export function inputGradient(c: Op, dy: Value, weight: Value, g: Geometry): Value {
  if (asProduct(c, g)) {
    const made = c.call('MatMul', [rows(c, dy), matrix(c, weight)], { transpose_a: false, transpose_b: true });
    return fromRows(c, made, g.x);
  }
  if (g.group > 1 && !(isDepthwise(g) && evenStride(g))) {
    const [ds, ws] = [groups(c, dy, 1, g.group), groups(c, weight, 0, g.group)];
    return joined(
      c,
      ds.map((part, i) => inputGradient(c, part, ws[i] as Value, one(g))),
      1,
    );
  }
  const sizes = c.sizes(NHWC.map((a) => g.x[a] as number));
  const [kernel, weights] = isDepthwise(g)
    ? ['DepthwiseConv2dNativeBackpropInput', depthwiseKernel(c, weight, g)]
    : ['Conv2DBackpropInput', c.ordered(weight, HWIO)];
  return c.value(c.call(kernel as string, [sizes, weights as Raw, c.ordered(dy, NHWC)], attributesOf(g)), NHWC);
}

export function weightGradient(c: Op, x: Value, dy: Value, g: Geometry): Value {
  if (isPoint(g)) {
    const made = c.call('MatMul', [rows(c, x), rows(c, dy)], { transpose_a: true, transpose_b: false });
    return c.value(c.call('Reshape', [made, c.sizes(HWIO.map((a) => g.weight[a] as number))]), HWIO);
  }
  if (isDepthwise(g) && evenStride(g)) {
    const [out, , ...kernel] = g.weight as [number, number, ...number[]];
    const sizes = c.sizes([...kernel, g.group, out / g.group]);
    const raws = [c.ordered(x, NHWC), sizes, c.ordered(dy, NHWC)];
    const made = c.value(c.call('DepthwiseConv2dNativeBackpropFilter', raws, attributesOf(g)), HWCM);
    return out === g.group ? made : reshaped(c, made, g.weight);
  }
  if (g.group > 1) {
    const [xs, ds] = [groups(c, x, 1, g.group), groups(c, dy, 1, g.group)];
    return joined(
      c,
      xs.map((part, i) => weightGradient(c, part, ds[i] as Value, one(g))),
      0,
    );
  }
  const sizes = c.sizes(HWIO.map((a) => g.weight[a] as number));
  const raws = [c.ordered(x, NHWC), sizes, c.ordered(dy, NHWC)];
  return c.value(c.call('Conv2DBackpropFilter', raws, attributesOf(g)), HWIO);
}
