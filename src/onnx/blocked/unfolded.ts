import { reduceSum, reshape } from '../emit.js';
import type { Geometry } from '../lower/convolution.js';
import { elements, tensor } from '../tensor.js';
import type { Tensor } from '../types.js';
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

/**
 * Row by row of the kernel: what its places in one row saw is a convolution with a constant kernel of a row or two, which has far
 * fewer taps than one with all rows, all but one of them zero.
 */
function unfoldedInBlocks(t: Tensors, x: string, dy: string, { n, out, perGroup, w }: Geometry): string {
  const { b, block } = t;
  const [down, right] = w.kernel as [number, number];
  const [places, filled] = [elements(w.output), whole(t, right)];
  const input = reshape(b, t.plain(x), [n * perGroup, 1, ...w.input]);
  const left = reshape(b, t.plain(dy), [n, 1, out, places]);
  const blocks = (perGroup * filled) / block;
  const rows = Array.from({ length: down }, (_, row) => {
    const window = oneRow(w, row);
    const columns = t.op('Conv', [input, b.constant(oneHot(block, filled, right, window))], {
      kernel_shape: [window.rows, right],
      strides: w.strides,
      dilations: [window.dilation, w.dilations[1] as number],
      pads: [window.begin, w.begins[1] as number, window.end, w.ends[1] as number],
      group: 1,
    });
    const each = product(t, left, reshape(b, columns, [n, blocks, places, block]), n, [blocks, out, block]);
    const turned = reshape(b, b.op('Transpose', [each], { perm: [1, 0, 2] }), [out, perGroup, 1, filled]);
    return firstOf(t, turned, 3, filled, right);
  });
  return rows.length === 1 ? (rows[0] as string) : b.op('Concat', rows, { axis: 2 });
}

/**
 * A convolution along the rows that reads what row `row` of the kernel sees: of `rows` rows, `dilation` apart, only `seeing` counts; another
 * one is there where without it there would be outputs too many, or the input would have to be cut.
 */
interface OneRow {
  readonly rows: number;
  readonly dilation: number;
  readonly seeing: number;
  readonly begin: number;
  readonly end: number;
}

function oneRow({ input, output, strides, dilations, begins }: Geometry['w'], row: number): OneRow {
  const [height, outputs, stride] = [input[0], output[0], strides[0]] as [number, number, number];
  const first = row * (dilations[0] as number) - (begins[0] as number);
  const begin = Math.max(0, -first);
  const before = Math.max(0, first);
  // So tall that no output is left over at the end.
  const tall = Math.max(before + 1, height + begin - outputs * stride + 1);
  const end = Math.max(0, (outputs - 1) * stride + tall - height - begin);
  if (tall === 1) return { rows: 1, dilation: 1, seeing: 0, begin, end };
  if (before === 0 || before === tall - 1)
    return { rows: 2, dilation: tall - 1, seeing: before === 0 ? 0 : 1, begin, end };
  return { rows: tall, dilation: 1, seeing: before, begin, end };
}

/** Output k sees place k of the row; laid out as kernels of an input that stays plain: filled / block, 1, places of the kernel, block. */
function oneHot(block: number, filled: number, right: number, { rows, seeing }: OneRow): Tensor {
  const numbers = new Float32Array(filled * rows * right);
  for (let k = 0; k < right; k++)
    numbers[(Math.floor(k / block) * rows * right + seeing * right + k) * block + (k % block)] = 1;
  return tensor('', 'float32', [filled, 1, rows, right], numbers);
}
