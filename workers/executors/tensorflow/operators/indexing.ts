import { DATA_TYPES, elements, NEWEST_OPSET } from '../../../../src/onnx/index.js';
import { typeNumber } from '../device.js';
import type { Op, Operator } from '../op.js';
import { plainOrder, withoutAxes } from '../order.js';
import type { Raw, Value } from '../recorder.js';
import { wrapped } from './align.js';
import type { OperatorLine } from './line.js';
import { concatenated, reshaped } from './shape.js';

/** Places that count from the end become such from the start. */
function fromStart(c: Op, places: Raw, length: number): Raw {
  const whole =
    places.type === 'int64' || places.type === 'int32'
      ? places
      : c.call('Cast', [places], { DstT: typeNumber('int64'), Truncate: false });
  return c.call('FloorMod', [whole, c.constant(whole.type, [], Math.max(1, length))]);
}

const gather: Operator = (c) => {
  const [x, at] = [c.x(0), c.plain(c.x(1))];
  const axis = wrapped(c.int('axis', 0), x.dims.length);
  const places = fromStart(c, at, x.dims[axis] as number);
  return c.value(c.call('GatherV2', [c.plain(x), places, c.constant('int32', [], axis)], { batch_dims: 0 }));
};

/** Row-major places in a flat tensor of size `dims` of elements whose place along `axis` is given. */
function flatPlaces(c: Op, at: Raw, dims: readonly number[], axis: number): Raw {
  const stride = elements(dims.slice(axis + 1));
  const rest = new Array<number>(elements(at.dims)).fill(0);
  for (let i = 0; i < rest.length; i++) {
    let left = i;
    for (let d = dims.length - 1; d >= 0; d--) {
      const place = left % (at.dims[d] as number);
      left = Math.floor(left / (at.dims[d] as number));
      if (d !== axis) (rest[i] as number) += place * elements(dims.slice(d + 1));
    }
  }
  const whole = fromStart(c, at, dims[axis] as number);
  const moved = c.call('Mul', [whole, c.constant(whole.type, [], stride)]);
  return c.call('AddV2', [moved, c.constant(whole.type, at.dims, rest)]);
}
const gatherElements: Operator = (c) => {
  const [x, at] = [c.x(0), c.plain(c.x(1))];
  const axis = wrapped(c.int('axis', 0), x.dims.length);
  const flat = c.call('Reshape', [c.plain(x), c.sizes([elements(x.dims)])]);
  const places = flatPlaces(c, at, x.dims, axis);
  return c.value(c.call('GatherV2', [flat, places, c.constant('int32', [], 0)], { batch_dims: 0 }));
};
const SCATTER: Readonly<Record<string, string>> = {
  none: 'TensorScatterUpdate',
  add: 'TensorScatterAdd',
  max: 'TensorScatterMax',
  min: 'TensorScatterMin',
};
function scatterKernel(c: Op): string {
  const kernel = SCATTER[c.string('reduction', 'none')];
  if (kernel === undefined) throw c.unsupported(`reduces by ${c.string('reduction', 'none')}`);
  return kernel;
}
const scatterElements: Operator = (c) => {
  const [x, at, updates] = [c.x(0), c.plain(c.x(1)), c.plain(c.x(2))];
  const axis = wrapped(c.int('axis', 0), x.dims.length);
  const places = flatPlaces(c, at, x.dims, axis);
  const count = elements(at.dims);
  const flat = c.call('Reshape', [c.plain(x), c.sizes([elements(x.dims)])]);
  const column = c.call('Reshape', [places, c.sizes([count, 1])]);
  const made = c.call(scatterKernel(c), [flat, column, c.call('Reshape', [updates, c.sizes([count])])]);
  return c.value(c.call('Reshape', [made, c.sizes(x.dims)]));
};

/** Each row of places that the last axis holds, counted from the start. */
function rowsFromStart(c: Op, at: Raw, dims: readonly number[]): Raw {
  const depth = at.dims.at(-1) as number;
  return c.call('FloorMod', [
    at,
    c.constant(
      at.type,
      [depth],
      dims.slice(0, depth).map((d) => Math.max(1, d)),
    ),
  ]);
}
const gatherNd: Operator = (c) => {
  const x = c.x(0);
  const batch = c.int('batch_dims', 0);
  const at = c.plain(c.x(1));
  if (batch === 0) return c.value(c.call('GatherNd', [c.plain(x), rowsFromStart(c, at, x.dims)]));
  // The batch becomes one more place of every row.
  const lead = x.dims.slice(0, batch);
  const [n, inner, depth] = [elements(lead), at.dims.slice(batch, -1), at.dims.at(-1) as number];
  const flat = c.call('Reshape', [c.plain(x), c.sizes([n, ...x.dims.slice(batch)])]);
  const per = elements(inner);
  const rows = c.call('Reshape', [rowsFromStart(c, at, x.dims.slice(batch)), c.sizes([n, per, depth])]);
  const numbers = Array.from({ length: n * per }, (_, i) => Math.floor(i / per));
  const both = [c.constant(at.type, [n, per, 1], numbers), rows];
  const all = concatenated(c, both, 2);
  const made = c.call('GatherNd', [flat, all]);
  return c.value(c.call('Reshape', [made, c.sizes([...lead, ...inner, ...made.dims.slice(2)])]));
};
const scatterNd: Operator = (c) => {
  const x = c.x(0);
  const rows = rowsFromStart(c, c.plain(c.x(1)), x.dims);
  return c.value(c.call(scatterKernel(c), [c.plain(x), rows, c.plain(c.x(2))]));
};

const oneHot: Operator = (c) => {
  const at = c.plain(c.x(0));
  const [depth] = c.numbers(c.x(1)) as [number];
  const values = c.x(2);
  const of = (i: number): Raw =>
    c.call('Reshape', [c.call('Slice', [values.raw, c.sizes([i]), c.sizes([1])]), c.sizes([])]);
  const whole =
    at.type === 'int64' || at.type === 'int32'
      ? at
      : c.call('Cast', [at], { DstT: typeNumber('int64'), Truncate: false });
  // Places from -depth to -1 count from the end; others outside are no place at all.
  const below = c.call('Less', [whole, c.constant(whole.type, [], 0)]);
  const moved = c.call('AddV2', [whole, c.constant(whole.type, [], depth)]);
  const places = c.call('SelectV2', [below, moved, whole]);
  const made = c.call('OneHot', [places, c.constant('int32', [], depth), of(1), of(0)]);
  const axis = wrapped(c.int('axis', -1), made.dims.length);
  const order = plainOrder(made.dims.length - 1).map((a) => (a >= axis ? a + 1 : a));
  return c.value(made, [...order, axis]);
};
const arg =
  (kernel: 'ArgMax' | 'ArgMin'): Operator =>
  (c) => {
    const x = c.x(0);
    const axis = wrapped(c.int('axis', 0), x.dims.length);
    const place = c.constant('int32', [], x.order.indexOf(axis));
    const last = c.int('select_last_index', 0) !== 0;
    const source = last ? c.call('ReverseV2', [x.raw, c.sizes([x.order.indexOf(axis)])]) : x.raw;
    let made = c.call(kernel, [source, place], { output_type: typeNumber('int64') });
    if (last) made = c.call('Sub', [c.constant('int64', [], (x.dims[axis] as number) - 1), made]);
    const value = c.value(made, withoutAxes(x.order, [axis]));
    if (c.int('keepdims', 1) === 0) return value;
    return reshaped(
      c,
      value,
      x.dims.map((d, i) => (i === axis ? 1 : d)),
    );
  };
/** 1 at the first largest of every row, along one axis from opset 13, over everything from it on before. */
const hardmax: Operator = (c) => {
  const x = c.x(0);
  const rank = x.dims.length;
  const axis = wrapped(c.int('axis', c.opset < 13 ? 1 : -1), rank);
  const order = [...plainOrder(rank).filter((a) => a !== axis), axis];
  const length = c.opset < 13 ? elements(x.dims.slice(axis)) : (x.dims[axis] as number);
  const rows = c.call('Reshape', [c.opset < 13 ? c.plain(x) : c.ordered(x, order), c.sizes([-1, length])]);
  const at = c.call('ArgMax', [rows, c.constant('int32', [], 1)], { output_type: typeNumber('int64') });
  const [one, zero] = [c.constant(x.type, [], 1), c.constant(x.type, [], 0)];
  const made = c.call('OneHot', [at, c.constant('int32', [], length), one, zero]);
  if (c.opset < 13) return c.value(c.call('Reshape', [made, c.sizes(x.dims)]));
  return c.value(c.call('Reshape', [made, c.sizes(order.map((a) => x.dims[a] as number))]), order);
};
/** Sorted, the largest or smallest first, along any axis. */
const topK: Operator = (c) => {
  const x = c.x(0);
  const rank = x.dims.length;
  const axis = wrapped(c.int('axis', -1), rank);
  const order = [...plainOrder(rank).filter((a) => a !== axis), axis];
  const least = c.opset >= 11 && c.int('largest', 1) === 0;
  const k = c.opset < 10 ? c.int('k', 1) : (c.numbers(c.x(1))[0] as number);
  const rows = c.ordered(x, order);
  const source = least ? c.call('Neg', [rows]) : rows;
  const [top, places] = c.calls('TopKV2', [source, c.constant('int32', [], k)], { sorted: true }) as [Raw, Raw];
  const wide = c.call('Cast', [places], { DstT: typeNumber('int64'), Truncate: false });
  return [c.value(least ? c.call('Neg', [top]) : top, order), c.value(wide, order)];
};
const range: Operator = (c) => {
  const [from, to, step] = [0, 1, 2].map((i) => c.numbers(c.x(i))[0] as number) as [number, number, number];
  const type = c.x(0).type;
  const list = Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) }, (_, i) => from + i * step);
  return c.value(c.constant(type, [list.length], list));
};
const cumSum: Operator = (c) => {
  const x = c.x(0);
  const axis = wrapped(c.numbers(c.x(1))[0] as number, x.dims.length);
  const flags = { exclusive: c.int('exclusive', 0) !== 0, reverse: c.int('reverse', 0) !== 0 };
  return c.value(c.call('Cumsum', [x.raw, c.constant('int32', [], x.order.indexOf(axis))], flags), x.order);
};
const trilu: Operator = (c) => {
  const x = c.x(0);
  const [rows, columns] = x.dims.slice(-2) as [number, number];
  const k = c.has(1) ? (c.numbers(c.x(1))[0] as number) : 0;
  const upper = c.int('upper', 1) !== 0;
  const mask = Array.from({ length: rows * columns }, (_, i) => {
    const offset = (i % columns) - Math.floor(i / columns);
    return (upper ? offset >= k : offset <= k) ? 1 : 0;
  });
  const zero = c.constant(x.type, [], 0);
  return c.value(c.call('SelectV2', [c.constant('bool', [rows, columns], mask), c.plain(x), zero]));
};
const eyeLike: Operator = (c) => {
  const [rows, columns] = c.x(0).dims as [number, number];
  const k = c.int('k', 0);
  const list = Array.from({ length: rows * columns }, (_, i) =>
    (i % columns) - Math.floor(i / columns) === k ? 1 : 0,
  );
  const type = c.node.attributes.has('dtype') ? DATA_TYPES[c.int('dtype', 1)] : c.x(0).type;
  if (type === undefined) throw c.unsupported('is of a type without a name');
  return c.value(c.constant(type, [rows, columns], list));
};

const N = NEWEST_OPSET;
export const indexingOperators: readonly OperatorLine[] = [
  ['Gather', 7, N, gather],
  ['GatherElements', 11, N, gatherElements],
  ['GatherND', 11, N, gatherNd],
  ['ScatterElements', 11, N, scatterElements],
  ['ScatterND', 11, N, scatterNd],
  ['OneHot', 9, N, oneHot],
  ['ArgMax', 7, N, arg('ArgMax')],
  ['ArgMin', 7, N, arg('ArgMin')],
  ['Hardmax', 7, N, hardmax],
  ['TopK', 7, N, topK],
  ['Range', 11, N, range],
  ['CumSum', 11, N, cumSum],
  ['Trilu', 14, N, trilu],
  ['EyeLike', 9, N, eyeLike],
];
export type { Value };
