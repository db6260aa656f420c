import { reduceSum, reshape } from '../emit.js';
import type { Geometry } from '../lower/convolution.js';
import { elements, tensor } from '../tensor.js';
import { firstOf, type Tensors, whole } from './tensors.js';

/** [n, 1, a, places] times [n, blocks, places, block], summed over the examples: [blocks, a, block]. */
function product(t: Tensors, left: string, right: string, n: number, size: readonly number[]): string {
  const each = t.b.op('MatMul', [left, right]);
  return n === 1 ? reshape(t.b, each, size) : reduceSum(t.b, each, [0], false);
}

/** A kernel of one place: of x and dy one stays blocked and the other, the narrower if neither is plain, is made plain. */
export function single(t: Tensors, x: string, dy: string, { n, out, perGroup, w }: Geometry): string {
  const { b, block } = t;
  const places = elements(w.output);
  const rows = (name: string, channels: number): string => reshape(b, t.plain(name), [n, 1, channels, places]);
  const blocks = (name: string, channels: number): string =>
    reshape(b, t.blocked(name), [n, whole(t, channels) / block, places, block]);
  const [ins, outs] = [whole(t, perGroup), whole(t, out)];
  if (perGroup <= out) {
    const dw = product(t, rows(x, perGroup), blocks(dy, out), n, [outs / block, perGroup, block]);
    const turned = b.op('Transpose', [dw], { perm: [0, 2, 1] });
    return firstOf(t, reshape(b, turned, [outs, perGroup]), 0, outs, out);
  }
  const dw = product(t, rows(dy, out), blocks(x, perGroup), n, [ins / block, out, block]);
  const turned = b.op('Transpose', [dw], { perm: [1, 0, 2] });
  return firstOf(t, reshape(b, turned, [out, ins]), 1, ins, perGroup);
}

/**
 * An input of few channels: what all places saw, unfolded by a convolution with a constant kernel, in one product. The
 * unfolded input comes in blocks and the output's gradient plain, or the other way round, whichever moves less.
 */
export function unfolded(t: Tensors, x: string, dy: string, g: Geometry): string {
  const { n, out, perGroup, w } = g;
  if (perGroup * elements(w.kernel) > out) return unfoldedInBlocks(t, x, dy, g);
  const { b, block } = t;
  const [places, outs, count] = [elements(w.output), whole(t, out), elements(w.kernel)];
  const identity = Array.from({ length: count * count }, (_, i) => (i % (count + 1) === 0 ? 1 : 0));
  const input = reshape(b, t.plain(x), [n * perGroup, 1, ...w.input]);
  const columns = b.op('Conv', [input, b.constant(tensor('', 'float32', [count, 1, ...w.kernel], identity))], {
    kernel_shape: w.kernel,
    strides: w.strides,
    dilations: w.dilations,
    pads: [...w.begins, ...w.ends],
  });
  const left = reshape(b, columns, [n, 1, perGroup * count, places]);
  const right = reshape(b, t.blocked(dy), [n, outs / block, places, block]);
  const dw = product(t, left, right, n, [outs / block, perGroup * count, block]);
  const turned = b.op('Transpose', [dw], { perm: [0, 2, 1] });
  return firstOf(t, reshape(b, turned, [outs, perGroup * count]), 0, outs, out);
}

function unfoldedInBlocks(t: Tensors, x: string, dy: string, { n, out, perGroup, w }: Geometry): string {
  const { b, block } = t;
  const [places, count] = [elements(w.output), elements(w.kernel)];
  const filled = whole(t, count);
  // As kernels of an input that stays plain lie: filled / block, 1, places of the kernel, block.
  const identity = new Float32Array(filled * count);
  for (let k = 0; k < count; k++) identity[(Math.floor(k / block) * count + k) * block + (k % block)] = 1;
  const input = reshape(b, t.plain(x), [n * perGroup, 1, ...w.input]);
  const kernel = b.constant(tensor('', 'float32', [filled, 1, ...w.kernel], identity));
  const columns = t.op('Conv', [input, kernel], {
    kernel_shape: w.kernel,
    strides: w.strides,
    dilations: w.dilations,
    pads: [...w.begins, ...w.ends],
    group: 1,
  });
  const blocks = (perGroup * filled) / block;
  const right = reshape(b, columns, [n, blocks, places, block]);
  const left = reshape(b, t.plain(dy), [n, 1, out, places]);
  const turned = b.op('Transpose', [product(t, left, right, n, [blocks, out, block])], { perm: [1, 0, 2] });
  return firstOf(t, reshape(b, turned, [out, perGroup, filled]), 2, filled, count);
}
