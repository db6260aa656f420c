import { type AttributeValue, float, floatsAttribute, intsAttribute, stringAttribute } from '../attributes.js';
import { cast, ints, reduceSum, reshape } from '../emit.js';
import { OnnxError } from '../error.js';
import { NEWEST_OPSET } from '../opsets.js';
import { elements, tensor } from '../tensor.js';
import { range, wrap } from './axes.js';
import type { Rule, RuleContext, RuleLine } from './rule.js';

/** How one axis is resampled: from `n` to `out` places, by a stated factor or else by size. */
interface Axis {
  readonly axis: number;
  readonly n: number;
  readonly out: number;
  readonly scale: number | null;
  /** Part of the axis that is read, of mode tf_crop_and_resize. */
  readonly roi: readonly [number, number];
}

const coordinates = (c: RuleContext): string =>
  stringAttribute(c.node, 'coordinate_transformation_mode', c.opset < 11 ? 'asymmetric' : 'half_pixel');

/** Every axis of the input, what the attributes and inputs of each version say about it put in one form. */
function axesOf(c: RuleContext): readonly Axis[] {
  const dims = c.dims(0);
  const named = intsAttribute(c.node, 'axes')?.map((axis) => wrap(axis, dims.length)) ?? range(dims.length);
  const [roiAt, scalesAt] = c.opset < 11 ? [-1, 1] : [1, 2];
  const list = (i: number): readonly number[] => (i >= 0 && c.has(i) && elements(c.dims(i)) > 0 ? c.constant(i) : []);
  const scales = c.opset < 9 ? (floatsAttribute(c.node, 'scales') ?? []) : list(scalesAt);
  const cropped = coordinates(c) === 'tf_crop_and_resize';
  const roi = cropped ? list(roiAt) : [];
  const kept = stringAttribute(c.node, 'keep_aspect_ratio_policy', 'stretch');
  const common = kept === 'stretch' || scales.length > 0 ? null : commonScale(c, named, kept);
  return dims.map((n, axis): Axis => {
    const at = named.indexOf(axis);
    const part: readonly [number, number] =
      roi.length > 0 && at >= 0 ? [roi[at] as number, roi[at + named.length] as number] : [0, 1];
    const own = scales.length > 0 ? (scales[at] ?? 1) : common;
    const scale = at < 0 && own !== null ? 1 : own;
    return { axis, n, out: c.yDims()[axis] as number, scale, roi: part };
  });
}

/** The one factor by which a policy fits all axes into, or over, the sizes asked for. */
function commonScale(c: RuleContext, named: readonly number[], policy: string): number {
  const asked = c.constant(3).map((size, i) => size / (c.dims(0)[named[i] as number] as number));
  const scale = Math.fround(policy === 'not_larger' ? Math.min(...asked) : Math.max(...asked));
  const exact = named.every((axis) => Math.floor(scale * (c.dims(0)[axis] as number)) === c.yDims()[axis]);
  if (!exact)
    throw new OnnxError(
      'operator-not-differentiable',
      `${c.node.opType} '${c.node.name}' fits sizes by the policy '${policy}' to other sizes than its factor ${scale} gives; write the sizes out with 'stretch'.`,
    );
  return scale;
}

/**
 * Resampling is linear and goes axis by axis, so the gradient is the product with each axis's transposed matrix. The matrix is
 * what the operator itself makes of the unit vectors: whatever the mode, coordinates and rounding are, they are the forward
 * pass's own. Repeating every place a whole number of times needs no matrix, only a sum over the repeats.
 */
const resample: Rule = (c) => [
  () => {
    let dy = c.dy;
    const dims = [...c.yDims()];
    const cropped = coordinates(c) === 'tf_crop_and_resize';
    const moved = axesOf(c).filter((a) => a.n !== a.out || (a.scale !== null && a.scale !== 1) || cropped);
    if (moved.every((a) => repeats(c, a))) return summedRepeats(c, moved);
    for (const a of [...moved].reverse()) {
      dy = alongAxis(c, dy, dims, a);
      dims[a.axis] = a.n;
    }
    return dy;
  },
  null,
  null,
  null,
];

/** Whether nearest neighbours repeat every place out / n times, in order. */
function repeats(c: RuleContext, { n, out, scale }: Axis): boolean {
  if (stringAttribute(c.node, 'mode', 'nearest') !== 'nearest' || n === 0 || out % n !== 0) return false;
  if (scale !== null && scale !== out / n) return false;
  const rounding = stringAttribute(c.node, 'nearest_mode', 'round_prefer_floor');
  const at = coordinates(c);
  // Opset 10 and before round down; with places counted by their middles no coordinate lies half-way between two.
  if (at === 'asymmetric') return c.opset < 11 || rounding === 'floor';
  return (at === 'half_pixel' || (at === 'pytorch_half_pixel' && out > 1)) && rounding.startsWith('round');
}
function summedRepeats(c: RuleContext, moved: readonly Axis[]): string {
  const split: number[] = [];
  const axes: number[] = [];
  c.dims(0).forEach((n, axis) => {
    const times = moved.some((a) => a.axis === axis) ? (c.yDims()[axis] as number) / n : 1;
    split.push(n);
    if (times > 1) axes.push(split.push(times) - 1);
  });
  return axes.length === 0 ? c.dy : reduceSum(c.b, reshape(c.b, c.dy, split), axes, false);
}

/** The product with one axis's transposed matrix; `dims` are the gradient's before. */
function alongAxis(c: RuleContext, dy: string, dims: readonly number[], a: Axis): string {
  const { b } = c;
  const matrix = unitsResampled(c, a);
  const [outer, inner] = [elements(dims.slice(0, a.axis)), elements(dims.slice(a.axis + 1))];
  const to = dims.map((d, i) => (i === a.axis ? a.n : d));
  if (inner === 1) {
    const turned = b.op('Transpose', [matrix], { perm: [1, 0] });
    return reshape(b, b.op('MatMul', [reshape(b, dy, [outer, a.out]), turned]), to);
  }
  return reshape(b, b.op('MatMul', [matrix, reshape(b, dy, [outer, a.out, inner])]), to);
}

/** [n, out]: row i is what the operator makes of 1 at place i and 0 elsewhere. */
function unitsResampled(c: RuleContext, { n, out, scale, roi }: Axis): string {
  const { b } = c;
  const units = b.constant(
    tensor(
      '',
      'float32',
      [1, n, n, 1],
      range(n * n).map((i) => (i % (n + 1) === 0 ? 1 : 0)),
    ),
  );
  const list = (values: readonly number[]): string => b.constant(tensor('', 'float32', [values.length], values));
  const factors = scale === null ? [] : [1, 1, scale, 1];
  const given = [...c.node.attributes].filter(([name]) => !/^(axes|scales|extrapolation|keep_aspect)/.test(name));
  const attrs: Record<string, AttributeValue> = Object.fromEntries(given);
  if (c.opset < 9) attrs.scales = { type: 'floats', value: factors };
  if (coordinates(c) === 'tf_crop_and_resize') attrs.extrapolation_value = float(0);
  const newer = [list([0, 0, roi[0], 0, 1, 1, roi[1], 1]), list(factors)];
  const inputs = c.opset < 9 ? [] : c.opset < 11 ? [list(factors)] : newer;
  if (scale === null) inputs.push(ints(b, [1, n, out, 1]));
  const resampled = reshape(b, b.op(c.node.opType, [units, ...inputs], attrs), [n, out]);
  return c.type(0) === 'float32' ? resampled : cast(b, resampled, c.type(0));
}

export const resampleRules: readonly RuleLine[] = [
  ['Resize', 10, NEWEST_OPSET, resample],
  ['Upsample', 7, 9, resample],
];
