import { elements } from '../../../../src/onnx/index.js';
import type { Op } from '../op.js';
import { laid, type Order, onlyOnesMove, permutation, plainOrder } from '../order.js';
import type { Raw, Value } from '../recorder.js';

/**
 * Tensors of one elementwise operator, laid out alike: in the order of the largest of full rank, so that what follows a
 * convolution stays as the convolution left it. Smaller ones broadcast from the right, as in both libraries.
 */
export function aligned(c: Op, values: readonly Value[]): { readonly raws: readonly Raw[]; readonly order: Order } {
  const rank = Math.max(...values.map((v) => v.dims.length));
  const full = values.filter((v) => v.dims.length === rank && elements(v.dims) > 1);
  const weight = (v: Value): number => (v.raw.constant ? 0.5 : 1) * elements(v.dims);
  const lead = full.length === 0 ? null : full.reduce((a, v) => (weight(v) > weight(a) ? v : a));
  const order = lead?.order ?? plainOrder(rank);
  return { raws: values.map((v) => into(c, v, rank, order)), order };
}

function into(c: Op, v: Value, rank: number, order: Order): Raw {
  const lead = rank - v.dims.length;
  if (lead === 0) return elements(v.dims) === 1 ? v.raw : c.ordered(v, order);
  if (elements(v.dims) === 1) return c.plain(v);
  const dims = [...new Array<number>(lead).fill(1), ...v.dims];
  const source = plainOrder(rank);
  const plain = c.plain(v);
  // Broadcasting adds the axes in front by itself.
  if (order.every((axis, i) => axis === i)) return plain;
  if (onlyOnesMove(dims, source, order)) return c.call('Reshape', [plain, c.sizes(laid(dims, order))]);
  return c.call('Transpose', [c.call('Reshape', [plain, c.sizes(dims)]), c.sizes(permutation(source, order))]);
}

/** One kernel on tensors that broadcast against each other. */
export function elementwise(c: Op, kernel: string, values: readonly Value[], attributes = {}): Value {
  const { raws, order } = aligned(c, values);
  const made = c.call(kernel, raws, attributes);
  return made.dims.length === order.length ? c.value(made, order) : c.value(made);
}
/** A number of the type and rank of another tensor, to stand beside it. */
export const beside = (c: Op, v: Value, number: number): Value => c.value(c.constant(v.type, [], number));
/** An axis that may count from the end. */
export const wrapped = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
