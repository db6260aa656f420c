import { elements, NEWEST_OPSET, type Tensor } from '../../../../src/onnx/index.js';
import { typeNumber } from '../device.js';
import { hostTensor } from '../host.js';
import type { Op, Operator } from '../op.js';
import { along, plainOrder, renamedOrder } from '../order.js';
import type { Raw, Value } from '../recorder.js';
import { wrapped } from './align.js';
import type { OperatorLine } from './line.js';

export const reshaped = (c: Op, v: Value, dims: readonly number[]): Value =>
  c.value(c.call('Reshape', [c.plain(v), c.sizes(dims)]));

/** 0 is "as it was" unless allowzero, -1 what is left. */
const reshape: Operator = (c) => {
  const x = c.x(0);
  const asked = c.numbers(c.x(1));
  const dims = asked.map((d, i) => (d === 0 && c.int('allowzero', 0) === 0 ? (x.dims[i] as number) : d));
  const known = dims.reduce((n, d) => (d === -1 ? n : n * d), 1);
  return reshaped(
    c,
    x,
    dims.map((d) => (d === -1 ? elements(x.dims) / known : d)),
  );
};
const flatten: Operator = (c) => {
  const { dims } = c.x(0);
  const axis = wrapped(c.int('axis', 1), dims.length);
  return reshaped(c, c.x(0), [elements(dims.slice(0, axis)), elements(dims.slice(axis))]);
};
const axesOf = (c: Op, rank: number): readonly number[] | null => {
  const given = c.opset < 13 ? c.ints('axes') : c.has(1) ? c.numbers(c.x(1)) : null;
  return given?.map((axis) => wrapped(axis, rank)) ?? null;
};
const squeeze: Operator = (c) => {
  const { dims } = c.x(0);
  const axes = axesOf(c, dims.length) ?? dims.flatMap((d, i) => (d === 1 ? [i] : []));
  return reshaped(
    c,
    c.x(0),
    dims.filter((_, i) => !axes.includes(i)),
  );
};
const unsqueeze: Operator = (c) => {
  const { dims } = c.x(0);
  const given = c.opset < 13 ? (c.ints('axes') ?? []) : c.numbers(c.x(1));
  const rank = dims.length + given.length;
  const ones = new Set(given.map((axis) => wrapped(axis, rank)));
  const rest = [...dims];
  return reshaped(
    c,
    c.x(0),
    Array.from({ length: rank }, (_, i) => (ones.has(i) ? 1 : (rest.shift() as number))),
  );
};
/** Nothing moves: the axes get other names, and what reads the result says in which order it needs them. */
const transpose: Operator = (c) => {
  const x = c.x(0);
  const perm = c.ints('perm') ?? [...plainOrder(x.dims.length)].reverse();
  return c.value(x.raw, renamedOrder(x.order, perm));
};
const shape: Operator = (c) => {
  const { dims } = c.x(0);
  const end = c.node.attributes.has('end') ? c.int('end', dims.length) : dims.length;
  const part = dims.slice(c.int('start', 0), end);
  return c.value(c.constant('int64', [part.length], part));
};
const size: Operator = (c) => c.value(c.constant('int64', [], elements(c.x(0).dims)));

function constantOf(c: Op): Value {
  for (const [name, a] of c.node.attributes) {
    if (name === 'value' && a.type === 'tensor') {
      const t = hostTensor(a.value as Tensor);
      return c.value(c.constant(t.dataType, t.dims, Array.from(t.data as ArrayLike<number | bigint>, Number)));
    }
    if (a.type === 'float') return c.value(c.constant('float32', [], a.value));
    if (a.type === 'int') return c.value(c.constant('int64', [], Number(a.value)));
    if (a.type === 'floats') return c.value(c.constant('float32', [a.value.length], a.value));
    if (a.type === 'ints') return c.value(c.constant('int64', [a.value.length], a.value.map(Number)));
  }
  throw c.unsupported('is a text or a sparse tensor');
}
const constantOfShape: Operator = (c) => {
  const value = c.node.attributes.get('value');
  const given = value?.type === 'tensor' ? hostTensor(value.value) : null;
  const number = given === null ? 0 : Number(given.data[0]);
  const dims = c.sizes(c.numbers(c.x(0)));
  return c.value(c.call('Fill', [dims, c.constant(given?.dataType ?? 'float32', [], number)]));
};
const expand: Operator = (c) => {
  const { dims } = c.x(0);
  const asked = c.numbers(c.x(1));
  const rank = Math.max(dims.length, asked.length);
  const at = (list: readonly number[], i: number): number => list[i - (rank - list.length)] ?? 1;
  const to = Array.from({ length: rank }, (_, i) => (at(asked, i) === 1 ? at(dims, i) : at(asked, i)));
  const x = c.x(0);
  if (rank === dims.length) {
    if (to.every((d, i) => d === dims[i])) return x;
    return c.value(c.call('BroadcastTo', [x.raw, c.sizes(along(to, x.order))]), x.order);
  }
  return c.value(c.call('BroadcastTo', [c.plain(x), c.sizes(to)]));
};
const tile: Operator = (c) => c.value(c.call('Tile', [c.plain(c.x(0)), c.sizes(c.numbers(c.x(1)))]));

const concat: Operator = (c) => {
  const all = Array.from({ length: c.count }, (_, i) => c.x(i)).filter((v, i) => elements(v.dims) > 0 || i === 0);
  const [first] = all as [Value, ...Value[]];
  const lead = all.reduce((a, v) => (!v.raw.constant && elements(v.dims) > elements(a.dims) ? v : a), first);
  const axis = lead.order.indexOf(wrapped(c.int('axis', 0), first.dims.length));
  if (all.length === 1) return first;
  const raws = all.map((v) => c.ordered(v, lead.order));
  return c.value(concatenated(c, raws, axis), lead.order);
};
/** Tensors laid out alike, one behind the other along an axis in memory. */
export const concatenated = (c: Op, raws: readonly Raw[], axis: number): Raw =>
  c.call('ConcatV2', [...raws, c.constant('int32', [], axis)], {
    N: raws.length,
    T: typeNumber((raws[0] as Raw).type),
  });
const split: Operator = (c) => {
  const x = c.x(0);
  const axis = wrapped(c.int('axis', 0), x.dims.length);
  const length = x.dims[axis] as number;
  const count = c.node.outputs.length;
  const given = c.opset < 13 ? c.ints('split') : c.has(1) ? c.numbers(c.x(1)) : null;
  const even = Math.ceil(length / count);
  const parts = given ?? Array.from({ length: count }, (_, i) => Math.max(0, Math.min(even, length - i * even)));
  const place = c.constant('int32', [], x.order.indexOf(axis));
  const made = c.calls('SplitV', [x.raw, c.sizes(parts), place], { num_split: parts.length });
  return made.map((r) => c.value(r, x.order));
};

const LARGE = 2 ** 31 - 1;
/** Starts and ends are attributes up to opset 9, then inputs; what lies beyond the tensor is cut off. */
const slice: Operator = (c) => {
  const x = c.x(0);
  const old = c.opset < 10;
  const list = (i: number, name: string): readonly number[] | null =>
    old ? c.ints(name) : c.has(i) ? c.numbers(c.x(i)) : null;
  const [starts, ends] = [list(1, 'starts') ?? [], list(2, 'ends') ?? []];
  const axes = (list(3, 'axes') ?? plainOrder(starts.length)).map((axis) => wrapped(axis, x.dims.length));
  const steps = old ? null : list(4, '');
  return sliced(c, x, { starts, ends, axes, ...(steps && { steps }) });
};
export function sliced(
  c: Op,
  x: Value,
  o: { starts: readonly number[]; ends: readonly number[]; axes: readonly number[]; steps?: readonly number[] },
): Value {
  const begin = x.dims.map(() => 0);
  const end = [...x.dims];
  const stride = x.dims.map(() => 1);
  let endMask = 0;
  o.axes.forEach((axis, i) => {
    const length = x.dims[axis] as number;
    const step = o.steps?.[i] ?? 1;
    const clamp = (v: number): number => Math.max(-LARGE, Math.min(LARGE, v));
    const from = clamp(o.starts[i] as number);
    const to = clamp(o.ends[i] as number);
    const place = (v: number): number => (v < 0 ? v + length : v);
    stride[axis] = step;
    if (step > 0) {
      begin[axis] = Math.max(0, Math.min(length, place(from)));
      end[axis] = Math.max(0, Math.min(length, place(to)));
    } else {
      begin[axis] = Math.max(0, Math.min(length - 1, place(from)));
      const last = Math.max(-1, Math.min(length - 1, place(to)));
      end[axis] = last;
      // Before the first element there is no number to say: the mask says "to the end".
      if (last < 0) endMask |= 1 << x.order.indexOf(axis);
    }
  });
  const lay = (values: readonly number[]) => c.sizes(along(values, x.order));
  const masks = { begin_mask: 0, ellipsis_mask: 0, new_axis_mask: 0, shrink_axis_mask: 0 };
  if (stride.every((s) => s === 1)) {
    const sizes = end.map((e, i) => Math.max(0, e - (begin[i] as number)));
    return c.value(c.call('Slice', [x.raw, lay(begin), lay(sizes)]), x.order);
  }
  return c.value(
    c.call('StridedSlice', [x.raw, lay(begin), lay(end), lay(stride)], { ...masks, end_mask: endMask }),
    x.order,
  );
}

/** Negative paddings crop. `edge` repeats the border, `wrap` goes round, both by places taken axis by axis. */
const pad: Operator = (c) => {
  const x = c.x(0);
  const rank = x.dims.length;
  const given = c.opset < 11 ? (c.ints('pads') ?? []) : c.numbers(c.x(1));
  const axes = (c.has(3) && c.opset >= 18 ? c.numbers(c.x(3)) : plainOrder(rank)).map((a) => wrapped(a, rank));
  const begins = new Array<number>(rank).fill(0);
  const ends = new Array<number>(rank).fill(0);
  axes.forEach((axis, i) => {
    begins[axis] = given[i] as number;
    ends[axis] = given[i + axes.length] as number;
  });
  const mode = c.string('mode', 'constant');
  const value = c.opset < 11 ? c.constant(x.type, [], c.float('value', 0)) : c.has(2) ? c.plain(c.x(2)) : null;
  return padded(c, x, begins, ends, mode, value);
};
export function padded(
  c: Op,
  x: Value,
  begins: readonly number[],
  ends: readonly number[],
  mode = 'constant',
  value: ReturnType<Op['constant']> | null = null,
): Value {
  const all = plainOrder(x.dims.length);
  const crops = [...begins, ...ends].some((p) => p < 0);
  const starts = begins.map((p) => Math.max(0, -p));
  const cropped = crops
    ? sliced(c, x, { starts, ends: x.dims.map((d, i) => d + Math.min(0, ends[i] as number)), axes: all })
    : x;
  const [low, high] = [begins, ends].map((list) => list.map((p) => Math.max(0, p))) as [number[], number[]];
  if ([...low, ...high].every((p) => p === 0)) return cropped;
  if (mode === 'edge' || mode === 'wrap' || mode === 'reflect') return taken(c, cropped, low, high, mode);
  const pairs = along(
    all.map((i) => [low[i] as number, high[i] as number]),
    x.order,
  ).flat();
  const table = c.constant('int32', [x.dims.length, 2], pairs);
  const scalar =
    value === null
      ? c.constant(x.type, [], 0)
      : value.dims.length === 0
        ? value
        : c.call('Reshape', [value, c.sizes([])]);
  return c.value(c.call('PadV2', [cropped.raw, table, scalar]), x.order);
}
function taken(c: Op, x: Value, low: readonly number[], high: readonly number[], mode: string): Value {
  return x.dims.reduce((v, length, axis) => {
    const total = length + (low[axis] as number) + (high[axis] as number);
    if (total === length) return v;
    const places = Array.from({ length: total }, (_, i) => {
      const at = i - (low[axis] as number);
      if (mode === 'edge') return Math.max(0, Math.min(length - 1, at));
      if (mode === 'wrap') return ((at % length) + length) % length;
      const round = Math.max(1, 2 * (length - 1));
      const turn = ((at % round) + round) % round;
      return Math.min(turn, round - turn);
    });
    const where = c.constant('int32', [], v.order.indexOf(axis));
    return c.value(c.call('GatherV2', [v.raw, c.sizes(places), where], { batch_dims: 0 }), v.order);
  }, x);
}

/** [N, C, H, W] whose channels become places, or the other way round: taken apart, renamed, put together. */
const depthToSpace: Operator = (c) => {
  const [n, channels, h, w] = c.x(0).dims as [number, number, number, number];
  const s = c.int('blocksize', 1);
  const depth = channels / (s * s);
  const columns = c.string('mode', 'DCR') === 'DCR';
  const apart = reshaped(c, c.x(0), columns ? [n, s, s, depth, h, w] : [n, depth, s, s, h, w]);
  const perm = columns ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3];
  return reshaped(c, c.value(apart.raw, renamedOrder(apart.order, perm)), [n, depth, h * s, w * s]);
};
const spaceToDepth: Operator = (c) => {
  const [n, channels, h, w] = c.x(0).dims as [number, number, number, number];
  const s = c.int('blocksize', 1);
  const apart = reshaped(c, c.x(0), [n, channels, h / s, s, w / s, s]);
  const perm = [0, 3, 5, 1, 2, 4];
  return reshaped(c, c.value(apart.raw, renamedOrder(apart.order, perm)), [n, channels * s * s, h / s, w / s]);
};

const N = NEWEST_OPSET;
export const shapeOperators: readonly OperatorLine[] = [
  ['Reshape', 7, N, reshape],
  ['Flatten', 7, N, flatten],
  ['Squeeze', 7, N, squeeze],
  ['Unsqueeze', 7, N, unsqueeze],
  ['Transpose', 7, N, transpose],
  ['Shape', 7, N, shape],
  ['Size', 7, N, size],
  ['Constant', 7, N, constantOf],
  ['ConstantOfShape', 9, N, constantOfShape],
  ['Expand', 8, N, expand],
  ['Tile', 7, N, tile],
  ['Concat', 7, N, concat],
  ['Split', 7, N, split],
  ['Slice', 7, N, slice],
  ['Pad', 7, N, pad],
  ['DepthToSpace', 11, N, depthToSpace],
  ['SpaceToDepth', 7, N, spaceToDepth],
];
