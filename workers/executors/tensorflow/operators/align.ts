import { elements } from '../../../../src/onnx/index.js';
import type { KernelAttributes } from '../kernels.js';
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

/** Channels below which the library's kernels broadcast over them many times slower than over rows. */
const FEW = 16;
/**
 * A constant per channel beside a tensor with few channels, which lie last (pixels and their means), as a constant row of
 * places and channels beside rows. null where it is anything else.
 */
function byRows(c: Op, kernel: string, values: readonly Value[], attributes: KernelAttributes): Value | null {
  const [large, small] = [...values].sort((a, b) => elements(b.dims) - elements(a.dims)) as [Value, Value];
  const { dims, order, raw } = large;
  const [channels, places] = [order.at(-1), order.at(-2)];
  if (values.length !== 2 || channels === undefined || places === undefined || !small.raw.constant) return null;
  const [count, lead] = [dims[channels]!, dims.length - small.dims.length];
  const along = small.dims[channels - lead];
  if (lead < 0 || channels === dims.length - 1 || count >= FEW || along !== count || elements(small.dims) !== count)
    return null;
  const each = c.numbers(small);
  const width = dims[places]! * count;
  const row = c.constant(
    small.type,
    [width],
    Array.from({ length: width }, (_, i) => each[i % count]!),
  );
  const rows = c.call('Reshape', [raw, c.sizes([-1, width])]);
  const made = c.call(kernel, values[0] === large ? [rows, row] : [row, rows], attributes);
  return c.value(c.call('Reshape', [made, c.sizes(laid(dims, order))]), order);
}

/** One kernel on tensors that broadcast against each other. */
export function elementwise(c: Op, kernel: string, values: readonly Value[], attributes: KernelAttributes = {}): Value {
  const byRow = byRows(c, kernel, values, attributes);
  if (byRow !== null) return byRow;
  const { raws, order } = aligned(c, values);
  const made = c.call(kernel, raws, attributes);
  return made.dims.length === order.length ? c.value(made, order) : c.value(made);
}
/** A number of the type and rank of another tensor, to stand beside it. */
export const beside = (c: Op, v: Value, number: number): Value => c.value(c.constant(v.type, [], number));
/** An axis that may count from the end. */
export const wrapped = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
