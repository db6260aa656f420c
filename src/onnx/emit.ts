import { float } from './attributes.js';
import type { GraphBuilder, OpOptions } from './builder.js';
import { elements, tensor } from './tensor.js';
import { DATA_TYPES, type DataType, type Tensor } from './types.js';

/** Small pieces of graph whose form depends on the opset; everything else emits operators that never changed. */

/** int64 constant of rank 1. */
export const ints = (b: GraphBuilder, values: readonly number[]): string =>
  b.constant(tensor('', 'int64', [values.length], values));

/** A constant of one value; dims [] unless given. Values are rounded to the type. */
export function constant(b: GraphBuilder, dataType: DataType, value: number, dims: readonly number[] = []): string {
  if (
    dataType === 'float32' ||
    dataType === 'float64' ||
    dataType === 'int32' ||
    dataType === 'int64' ||
    dataType === 'bool'
  )
    return b.constant(tensor('', dataType, dims, value));
  return cast(b, b.constant(tensor('', 'float32', dims, value)), dataType);
}

/** Zeros of any size without storing them. */
export function zeros(b: GraphBuilder, dataType: DataType, dims: readonly number[]): string {
  if (elements(dims) <= 16 || b.opset < 9) return constant(b, dataType, 0, dims);
  if (dataType === 'float32') return b.op('ConstantOfShape', [ints(b, dims)]);
  const one =
    dataType === 'float64' || dataType === 'int64' || dataType === 'int32' ? tensor('', dataType, [1], 0) : null;
  return one
    ? b.op('ConstantOfShape', [ints(b, dims)], { value: one })
    : cast(b, b.op('ConstantOfShape', [ints(b, dims)]), dataType);
}

export const cast = (b: GraphBuilder, x: string, to: DataType): string =>
  b.op('Cast', [x], { to: DATA_TYPES.indexOf(to) });

/** A size of 0 means "as the input has it" unless the operator is told otherwise, which it can be from opset 14. */
export const reshape = (b: GraphBuilder, x: string, dims: readonly number[]): string =>
  b.op('Reshape', [x, ints(b, dims)], dims.includes(0) && b.opset >= 14 ? { allowzero: 1 } : {});

export function reduceSum(b: GraphBuilder, x: string, axes: readonly number[], keepdims: boolean): string {
  if (b.opset < 13) return b.op('ReduceSum', [x], { axes, keepdims: keepdims ? 1 : 0 });
  return b.op('ReduceSum', [x, ints(b, axes)], { keepdims: keepdims ? 1 : 0 });
}
/** A reduction whose axes became an input with opset 18. */
function reduced(opType: 'ReduceMean' | 'ReduceMax') {
  return (b: GraphBuilder, x: string, axes: readonly number[], keepdims: boolean, o: OpOptions = {}): string => {
    if (b.opset < 18) return b.op(opType, [x], { axes, keepdims: keepdims ? 1 : 0 }, o);
    return b.op(opType, [x, ints(b, axes)], { keepdims: keepdims ? 1 : 0 }, o);
  };
}
/** Mean over all elements or the given axes; rank is kept or lost by `keepdims`. */
export const reduceMean = reduced('ReduceMean');
/** The largest of all elements or along the given axes. */
export const reduceMax = reduced('ReduceMax');
export function unsqueeze(b: GraphBuilder, x: string, axes: readonly number[]): string {
  return b.opset < 13 ? b.op('Unsqueeze', [x], { axes }) : b.op('Unsqueeze', [x, ints(b, axes)]);
}

/** `pads` as ONNX has them: all begins, then all ends; negative ones crop. */
export function pad(b: GraphBuilder, x: string, pads: readonly number[]): string {
  if (pads.every((p) => p === 0)) return x;
  return b.opset < 11 ? b.op('Pad', [x], { pads, value: float(0) }) : b.op('Pad', [x, ints(b, pads)]);
}

/** Slices of step 1 (any step from opset 10). */
export function slice(
  b: GraphBuilder,
  x: string,
  o: { starts: readonly number[]; ends: readonly number[]; axes: readonly number[]; steps?: readonly number[] },
): string {
  if (b.opset < 10) return b.op('Slice', [x], { starts: o.starts, ends: o.ends, axes: o.axes });
  const inputs = [x, ints(b, o.starts), ints(b, o.ends), ints(b, o.axes)];
  return b.op('Slice', o.steps ? [...inputs, ints(b, o.steps)] : inputs);
}

/** `x` (sizes `from`) stretched to `to` by broadcasting. */
export function expand(
  b: GraphBuilder,
  x: string,
  dataType: DataType,
  from: readonly number[],
  to: readonly number[],
): string {
  if (from.length === to.length && from.every((d, i) => d === to[i])) return x;
  return b.opset < 8 ? b.op('Add', [x, constant(b, dataType, 0, to)]) : b.op('Expand', [x, ints(b, to)]);
}

/** The adjoint of broadcasting: sums `x` (sizes `from`) down to `to`. */
export function sumTo(b: GraphBuilder, x: string, from: readonly number[], to: readonly number[]): string {
  const lead = from.length - to.length;
  const axes = from.flatMap((d, i) => (i < lead || (to[i - lead] === 1 && d !== 1) ? [i] : []));
  if (axes.length === 0) return x;
  if (axes.every((axis) => axis < lead)) return reduceSum(b, x, axes, false);
  const kept = reduceSum(b, x, axes, true);
  return lead > 0 ? reshape(b, kept, to) : kept;
}

/** `x` where the condition holds, else 0. */
export function keepWhere(b: GraphBuilder, condition: string, x: string, dataType: DataType): string {
  if (b.opset < 9) return b.op('Mul', [x, cast(b, condition, dataType)]);
  return b.op('Where', [condition, x, constant(b, dataType, 0)]);
}

/** -1, 0 or 1. */
export function sign(b: GraphBuilder, x: string, dataType: DataType): string {
  if (b.opset >= 9) return b.op('Sign', [x]);
  const zero = constant(b, dataType, 0);
  return b.op('Sub', [cast(b, b.op('Greater', [x, zero]), dataType), cast(b, b.op('Less', [x, zero]), dataType)]);
}

/** op(x) * op(y) for matrices, without a copy for the transposes where the opset lets Gemm go without its third input. */
export function product(b: GraphBuilder, x: string, y: string, o: { transX?: boolean; transY?: boolean } = {}): string {
  if (b.opset >= 11)
    return b.op('Gemm', [x, y], { ...(o.transX ? { transA: 1 } : {}), ...(o.transY ? { transB: 1 } : {}) });
  const left = o.transX ? b.op('Transpose', [x], { perm: [1, 0] }) : x;
  const right = o.transY ? b.op('Transpose', [y], { perm: [1, 0] }) : y;
  return b.op('MatMul', [left, right]);
}

/** Rows of zeros with one 1: [...indices, depth] of `dataType`. Opset 9. */
export function oneHot(b: GraphBuilder, indices: string, depth: number, dataType: 'float32' | 'float64'): string {
  const values: Tensor = tensor('', 'float32', [2], [0, 1]);
  const hot = b.op('OneHot', [indices, b.constant(tensor('', 'int64', [1], [depth])), b.constant(values)], {
    axis: -1,
  });
  return dataType === 'float32' ? hot : cast(b, hot, dataType);
}
