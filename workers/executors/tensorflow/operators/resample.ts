import { NEWEST_OPSET } from '../../../../src/onnx/index.js';
import type { Op, Operator } from '../op.js';
import { plainOrder } from '../order.js';
import type { Value } from '../recorder.js';
import { wrapped } from './align.js';
import type { OperatorLine } from './line.js';

/** How one axis is resampled: from `n` to `out` places, by a stated factor or else by size. */
interface Axis {
  readonly axis: number;
  readonly n: number;
  readonly out: number;
  readonly scale: number;
  readonly roi: readonly [number, number];
}

function axesOf(c: Op): readonly Axis[] {
  const { dims } = c.x(0);
  const named = (c.ints('axes') ?? plainOrder(dims.length)).map((axis) => wrapped(axis, dims.length));
  const list = (i: number): readonly number[] => (i < c.count && c.has(i) ? c.numbers(c.x(i)) : []);
  const [roiAt, scalesAt, sizesAt] = c.opset < 11 ? [9, 1, 9] : [1, 2, 3];
  const scales = c.opset < 9 ? (c.floats('scales') ?? []) : list(scalesAt);
  const sizes = list(sizesAt);
  const roi = list(roiAt);
  const policy = c.string('keep_aspect_ratio_policy', 'stretch');
  const shares = sizes.map((size, i) => size / (dims[named[i] as number] as number));
  const even = policy === 'not_larger' ? Math.min(...shares) : Math.max(...shares);
  return named.map((axis, i): Axis => {
    const n = dims[axis] as number;
    const scale = scales.length > 0 ? (scales[i] as number) : policy === 'stretch' ? (shares[i] as number) : even;
    const out =
      scales.length > 0 ? Math.floor(n * scale) : policy === 'stretch' ? (sizes[i] as number) : Math.round(n * even);
    const part: readonly [number, number] =
      roi.length > 0 ? [roi[i] as number, roi[i + named.length] as number] : [0, 1];
    return { axis, n, out, scale, roi: part };
  });
}

/** Where a place of the result lies in the input: coordinate_transformation_mode of Resize. */
function coordinate(mode: string, x: number, a: Axis): number {
  const { n, out, scale, roi } = a;
  switch (mode) {
    case 'asymmetric':
      return x / scale;
    case 'align_corners':
      return out === 1 ? 0 : (x * (n - 1)) / (out - 1);
    case 'pytorch_half_pixel':
      return out > 1 ? (x + 0.5) / scale - 0.5 : 0;
    case 'half_pixel_symmetric': {
      const adjustment = out / (n * scale);
      return (n / 2) * (1 - adjustment) + (x + 0.5) / scale - 0.5;
    }
    case 'tf_crop_and_resize':
      return out > 1
        ? roi[0] * (n - 1) + (x * (roi[1] - roi[0]) * (n - 1)) / (out - 1)
        : 0.5 * (roi[0] + roi[1]) * (n - 1);
    default:
      return (x + 0.5) / scale - 0.5;
  }
}
const ROUND: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};
const linear = (d: number): number => Math.max(0, 1 - Math.abs(d));
/** Keys' kernel: cubic_coeff_a is `a`. */
const cubic =
  (a: number) =>
  (d: number): number => {
    const t = Math.abs(d);
    if (t <= 1) return (a + 2) * t ** 3 - (a + 3) * t ** 2 + 1;
    return t < 2 ? a * t ** 3 - 5 * a * t ** 2 + 8 * a * t - 4 * a : 0;
  };

/** Interpolation is linear and goes axis by axis: a product with a matrix of weights, or places taken, for each. */
const resize: Operator = (c) => {
  const mode = c.string('mode', 'nearest');
  const at = c.string('coordinate_transformation_mode', c.opset < 11 ? 'asymmetric' : 'half_pixel');
  if (c.int('antialias', 0) !== 0) throw c.unsupported('smooths before it shrinks');
  const moved = axesOf(c).filter((a) => a.n !== a.out || a.scale !== 1 || at === 'tf_crop_and_resize');
  if (at === 'tf_crop_and_resize' && mode !== 'linear') throw c.unsupported(`crops by mode '${mode}'`);
  return moved.reduce((v, a) => {
    const places = Array.from({ length: a.out }, (_, x) => coordinate(at, x, a));
    return mode === 'nearest' ? nearest(c, v, a, places) : weighted(c, v, a, places, mode, at);
  }, c.x(0));
};
function nearest(c: Op, v: Value, { axis, n }: Axis, places: readonly number[]): Value {
  const round = ROUND[c.opset < 11 ? 'floor' : c.string('nearest_mode', 'round_prefer_floor')] as (x: number) => number;
  const taken = places.map((p) => Math.max(0, Math.min(n - 1, round(p))));
  const place = c.constant('int32', [], v.order.indexOf(axis));
  return c.value(c.call('GatherV2', [v.raw, c.sizes(taken), place], { batch_dims: 0 }), v.order);
}
function weighted(c: Op, v: Value, a: Axis, places: readonly number[], mode: string, at: string): Value {
  const { axis, n, out } = a;
  const [kernel, reach] = mode === 'cubic' ? [cubic(c.float('cubic_coeff_a', -0.75)), 2] : [linear, 1];
  const outside = c.int('exclude_outside', 0) !== 0;
  const beyond = (p: number): boolean => at === 'tf_crop_and_resize' && (p < 0 || p > n - 1);
  const matrix = new Float32Array(out * n);
  places.forEach((p, row) => {
    if (beyond(p)) return;
    const first = Math.floor(p) - reach + 1;
    const near = Array.from({ length: 2 * reach }, (_, i) => first + i);
    const all = near.map((i) => (outside && (i < 0 || i >= n) ? 0 : kernel(p - i)));
    const sum = outside ? all.reduce((s, w) => s + w, 0) : 1;
    near.forEach((i, k) => {
      const to = row * n + Math.max(0, Math.min(n - 1, i));
      matrix[to] = (matrix[to] as number) + (all[k] as number) / sum;
    });
  });
  const order = [...plainOrder(v.dims.length).filter((x) => x !== axis), axis];
  const laid = c.ordered(v, order);
  const rows = c.call('Reshape', [laid, c.sizes([-1, n])]);
  const weights = c.constant(v.type, [out, n], matrix);
  const product = c.call('MatMul', [rows, weights], { transpose_a: false, transpose_b: true });
  const made = c.value(c.call('Reshape', [product, c.sizes([...laid.dims.slice(0, -1), out])]), order);
  if (!places.some(beyond)) return made;
  const filler = places.map((p) => (beyond(p) ? c.float('extrapolation_value', 0) : 0));
  return c.value(c.call('AddV2', [made.raw, c.constant(v.type, [out], filler)]), order);
}

const N = NEWEST_OPSET;
export const resampleOperators: readonly OperatorLine[] = [
  ['Resize', 10, N, resize],
  ['Upsample', 7, 9, resize],
];
