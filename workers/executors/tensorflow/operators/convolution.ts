import { NEWEST_OPSET } from '../../../../src/onnx/index.js';
import type { Op, Operator } from '../op.js';
import type { Value } from '../recorder.js';
import { elementwise } from './align.js';
import { forward, type Geometry, inputGradient, weightGradient } from './convolution-kernels.js';
import type { OperatorLine } from './line.js';
import { reshaped } from './shape.js';
import { type Window, windowOf } from './window.js';

/** A convolution over one axis is one over two of which the first is a single place. */
const inPlane = (c: Op, v: Value): Value => {
  const [a, b, ...places] = v.dims as [number, number, ...number[]];
  return v.dims.length === 3 ? reshaped(c, v, [a, b, 1, ...places]) : v;
};
/** The node with its attributes for two axes where it has one. */
function planar(c: Op, rank: number): Op {
  if (rank === 4) return c;
  if (rank !== 3) throw c.unsupported(`goes over ${rank - 2} axes`);
  const fills: Readonly<Record<string, number>> = {
    pads: 0,
    strides: 1,
    dilations: 1,
    kernel_shape: 1,
    output_padding: 0,
    output_shape: 1,
  };
  return {
    ...c,
    ints(name) {
      const list = c.ints(name);
      if (name === 'pads' && list) return [0, list[0] as number, 0, list[1] as number];
      return name in fills && list?.length === 1 ? [fills[name] as number, ...list] : list;
    },
  };
}

export function withBias(c: Op, y: Value, bias: Value | null): Value {
  if (bias === null) return y;
  if (y.type === 'float32' && y.order.at(-1) === 1)
    return c.value(c.call('BiasAdd', [y.raw, c.plain(bias)], { data_format: 'NHWC' }), y.order);
  const beside = reshaped(c, bias, [bias.dims[0] as number, ...y.dims.slice(2).map(() => 1)]);
  return elementwise(c, 'AddV2', [y, beside]);
}

const conv: Operator = (c) => {
  const rank = c.x(0).dims.length;
  const plane = planar(c, rank);
  const [x, weight] = [inPlane(c, c.x(0)), inPlane(c, c.x(1))];
  const w = windowOf(plane, x.dims.slice(2), weight.dims.slice(2));
  const y = withBias(
    c,
    forward(c, x, weight, { w, group: c.int('group', 1), x: x.dims, weight: weight.dims }),
    c.has(2) ? c.x(2) : null,
  );
  return rank === 4 ? y : reshaped(c, y, [...y.dims.slice(0, 2), ...y.dims.slice(3)]);
};

/** The gradient of a convolution by its input, whose size the node says or lets follow. */
const convTranspose: Operator = (c) => {
  const rank = c.x(0).dims.length;
  const plane = planar(c, rank);
  const [dy, weight] = [inPlane(c, c.x(0)), inPlane(c, c.x(1))];
  const group = c.int('group', 1);
  const kernel = weight.dims.slice(2);
  const strides = plane.ints('strides') ?? [1, 1];
  const dilations = plane.ints('dilations') ?? [1, 1];
  const extra = plane.ints('output_padding') ?? [0, 0];
  const asked = plane.ints('output_shape');
  const auto = c.string('auto_pad', 'NOTSET');
  const given = plane.ints('pads') ?? [0, 0, 0, 0];
  const pads = [...given];
  const places = kernel.map((k, i) => {
    const size = dy.dims[i + 2] as number;
    const stride = strides[i] as number;
    const full = (size - 1) * stride + (extra[i] as number) + (k - 1) * (dilations[i] as number) + 1;
    const wanted = asked?.[i] ?? (auto.startsWith('SAME') ? size * stride : null);
    if (wanted === null) return full - (auto === 'VALID' ? 0 : (given[i] as number) + (given[i + 2] as number));
    const total = Math.max(0, full - wanted);
    const begin = auto === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);
    pads[i] = asked && auto === 'NOTSET' ? Math.floor(total / 2) : begin;
    pads[i + 2] = total - (pads[i] as number);
    return wanted;
  });
  const [n] = dy.dims as [number];
  const channels = (weight.dims[1] as number) * group;
  const w: Window = {
    input: places,
    kernel,
    strides,
    dilations,
    begins: pads.slice(0, 2),
    ends: pads.slice(2),
    output: dy.dims.slice(2),
  };
  if (dilations.some((d) => d > 1)) throw c.unsupported('has gaps in its kernel');
  const g = { w, group, x: [n, channels, ...places], weight: weight.dims };
  const y = withBias(c, inputGradient(c, dy, weight, g), c.has(2) ? c.x(2) : null);
  return rank === 4 ? y : reshaped(c, y, [...y.dims.slice(0, 2), ...y.dims.slice(3)]);
};

/** graft.ConvInputGradient and graft.ConvWeightGradient: (dy, w) and (x, dy), with the sizes as attributes. */
const gradient =
  (of: (c: Op, a: Value, b: Value, g: Geometry) => Value): Operator =>
  (c) => {
    const [x, weight] = [c.ints('x_shape') ?? [], c.ints('w_shape') ?? []];
    const flat = (dims: readonly number[]): readonly number[] =>
      dims.length === 3 ? [...dims.slice(0, 2), 1, ...dims.slice(2)] : dims;
    const plane = planar(c, x.length);
    const g = {
      w: windowOf(plane, flat(x).slice(2), flat(weight).slice(2)),
      group: c.int('group', 1),
      x: flat(x),
      weight: flat(weight),
    };
    const made = of(c, inPlane(c, c.x(0)), inPlane(c, c.x(1)), g);
    return x.length === 4 ? made : reshaped(c, made, c.ints('shape') ?? []);
  };

const N = NEWEST_OPSET;
export const convolutionOperators: readonly OperatorLine[] = [
  ['Conv', 7, N, conv],
  ['ConvTranspose', 7, N, convTranspose],
  ['graft:ConvInputGradient', 1, 1, gradient(inputGradient)],
  ['graft:ConvWeightGradient', 1, 1, gradient(weightGradient)],
];
