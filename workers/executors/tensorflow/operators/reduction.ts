import { elements, NEWEST_OPSET } from '../../../../src/onnx/index.js';
import type { Op, Operator } from '../op.js';
import { plainOrder, withoutAxes } from '../order.js';
import type { Value } from '../recorder.js';
import { wrapped } from './align.js';
import { same } from './elementwise.js';
import type { OperatorLine } from './line.js';

/** Axes are an attribute before `inputFrom`, then an input. None: all, or none at all where the node says so. */
function axesOf(c: Op, inputFrom: number): readonly number[] | null {
  const rank = c.x(0).dims.length;
  const given = c.opset < inputFrom ? c.ints('axes') : c.has(1) ? c.numbers(c.x(1)) : null;
  if (given === null || given.length === 0)
    return c.opset >= inputFrom && c.int('noop_with_empty_axes', 0) !== 0 ? null : plainOrder(rank);
  return given.map((axis) => wrapped(axis, rank));
}

const MANY = 64;
const isLead = (places: readonly number[], rank: number): boolean =>
  rank > 1 && places.length === rank - 1 && !places.includes(rank - 1);

/** One kernel over some axes, in whatever order the tensor lies. */
export function reduced(c: Op, kernel: string, v: Value, axes: readonly number[], keep: boolean): Value {
  const places = axes.map((axis) => v.order.indexOf(axis));
  const width = v.raw.dims.at(-1) as number;
  const rows = elements(v.dims) / width;
  // Of everything but the last axis in memory: a product with ones runs at the memory's speed, the kernel Sum does not.
  if (kernel === 'Sum' && v.type === 'float32' && rows >= MANY && isLead(places, v.raw.dims.length)) {
    const flat = c.call('Reshape', [v.raw, c.sizes([rows, width])]);
    const ones = c.constant('float32', [1, rows], 1);
    const sum = c.call('MatMul', [ones, flat], { transpose_a: false, transpose_b: false });
    const order = keep ? v.order : withoutAxes(v.order, axes);
    const dims = keep ? v.raw.dims.map((d, i) => (places.includes(i) ? 1 : d)) : [width];
    return c.value(c.call('Reshape', [sum, c.sizes(dims)]), order);
  }
  const made = c.call(kernel, [v.raw, c.sizes(places)], { keep_dims: keep });
  return c.value(made, keep ? v.order : withoutAxes(v.order, axes));
}

const reduce =
  (
    kernel: string,
    inputFrom: number,
    o: { readonly before?: (c: Op, v: Value) => Value; readonly after?: (c: Op, v: Value) => Value } = {},
  ): Operator =>
  (c) => {
    const x = o.before ? o.before(c, c.x(0)) : c.x(0);
    const axes = axesOf(c, inputFrom);
    const y = axes === null ? x : reduced(c, kernel, x, axes, c.int('keepdims', 1) !== 0);
    return o.after ? o.after(c, y) : y;
  };
/** log(sum(exp(x))) with the largest taken out, so that nothing overflows. */
const logSumExp: Operator = (c) => {
  const x = c.x(0);
  const axes = axesOf(c, 18) ?? [];
  const keep = c.int('keepdims', 1) !== 0;
  const most = reduced(c, 'Max', x, axes, true);
  const finite = c.value(
    c.call('SelectV2', [c.call('IsFinite', [most.raw]), most.raw, c.constant(x.type, [], 0)]),
    most.order,
  );
  const shifted = c.value(c.call('Sub', [x.raw, finite.raw]), x.order);
  const sum = reduced(c, 'Sum', same(c, 'Exp', shifted), axes, keep);
  const back = keep ? finite.raw : c.call('Reshape', [finite.raw, c.sizes(sum.raw.dims)]);
  return c.value(c.call('AddV2', [same(c, 'Log', sum).raw, back]), sum.order);
};
const square = (c: Op, v: Value): Value => same(c, 'Square', v);
/** The sum of squares of a whole float tensor is one pass (L2Loss is half of it). */
const sumSquare: Operator = (c) => {
  const x = c.x(0);
  const axes = axesOf(c, 18);
  if (x.type === 'float32' && axes?.length === x.dims.length && c.int('keepdims', 1) === 0)
    return c.value(c.call('Mul', [c.call('L2Loss', [x.raw]), c.constant('float32', [], 2)]));
  return reduce('Sum', 18, { before: square })(c);
};
const logical =
  (kernel: string, bool: string): Operator =>
  (c) =>
    reduce(c.x(0).type === 'bool' ? bool : kernel, 18)(c);

const N = NEWEST_OPSET;
export const reductionOperators: readonly OperatorLine[] = [
  ['ReduceSum', 7, N, reduce('Sum', 13)],
  ['ReduceMean', 7, N, reduce('Mean', 18)],
  ['ReduceMax', 7, N, logical('Max', 'Any')],
  ['ReduceMin', 7, N, logical('Min', 'All')],
  ['ReduceProd', 7, N, reduce('Prod', 18)],
  ['ReduceSumSquare', 7, N, sumSquare],
  ['ReduceL1', 7, N, reduce('Sum', 18, { before: (c, v) => same(c, 'Abs', v) })],
  ['ReduceL2', 7, N, reduce('Sum', 18, { before: square, after: (c, v) => same(c, 'Sqrt', v) })],
  ['ReduceLogSum', 7, N, reduce('Sum', 18, { after: (c, v) => same(c, 'Log', v) })],
  ['ReduceLogSumExp', 7, N, logSumExp],
];
