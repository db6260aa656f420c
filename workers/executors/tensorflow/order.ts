/**
 * The order in which a tensor's axes lie in memory: `order[j]` is the axis of the ONNX tensor that the j-th axis in memory
 * holds. [0, 1, 2, 3] is as ONNX has it, [0, 2, 3, 1] has the channels last, as TensorFlow's convolutions want them. Nodes
 * take what order their inputs are in where they can, a Transpose only renames, and so a graph's convolutions, pools, norms
 * and activations run channels last with a transpose at the border only.
 */
export type Order = readonly number[];

export const plainOrder = (rank: number): Order => Array.from({ length: rank }, (_, i) => i);
export const isPlain = (order: Order): boolean => order.every((axis, i) => axis === i);
/** Batch, places, channels. */
export const channelsLast = (rank: number): Order => [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
export const sameOrder = (a: Order, b: Order): boolean => a.length === b.length && a.every((axis, i) => axis === b[i]);

/** Sizes as they lie in memory. */
export const laid = (dims: readonly number[], order: Order): readonly number[] =>
  order.map((axis) => dims[axis] as number);

/** Numbers that stand one to an axis (paddings, steps) in the order in memory. */
export const along = <T>(perAxis: readonly T[], order: Order): readonly T[] => order.map((axis) => perAxis[axis] as T);

/** What to transpose by so that a tensor that lies in order `from` lies in order `to`. */
export const permutation = (from: Order, to: Order): readonly number[] => to.map((axis) => from.indexOf(axis));

/** Whether only axes of size 1 change places: then the numbers lie as they should already. */
export function onlyOnesMove(dims: readonly number[], from: Order, to: Order): boolean {
  const large = (order: Order): readonly number[] => order.filter((axis) => dims[axis] !== 1);
  return sameOrder(large(from), large(to));
}

/** The order after ONNX's Transpose by `perm` when nothing is moved: axis i of the result is axis perm[i] of what was. */
export const renamedOrder = (order: Order, perm: readonly number[]): Order => order.map((axis) => perm.indexOf(axis));

/** The order of a tensor that lost the given axes (in memory they lay anywhere). */
export function withoutAxes(order: Order, axes: readonly number[]): Order {
  const gone = new Set(axes);
  return order.filter((axis) => !gone.has(axis)).map((axis) => axis - axes.filter((a) => a < axis).length);
}
