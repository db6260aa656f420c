import { ints, reshape, slice } from '../emit.js';
import { tensor } from '../tensor.js';
import { padTo, type Tensors, whole } from './tensors.js';

type Size = readonly [out: number, perGroup: number, height: number, width: number];

/**
 * The kernel's places, the last of three axes, in the other order; done before anything is transposed, since onnxruntime would pull the
 * transpositions on both sides of it together into one of all axes, which takes ten times as long as they do.
 */
function turned(t: Tensors, x: string, places: number): string {
  if (places === 1) return x;
  const backwards = Array.from({ length: places }, (_, i) => places - 1 - i);
  if (t.b.opset < 10) return t.b.op('Gather', [x, ints(t.b, backwards)], { axis: 2 });
  return slice(t.b, x, { starts: [-1], ends: [-(2 ** 40)], axes: [2], steps: [-1] });
}

/** Above this many places a product with a matrix of ones and zeros takes longer than what it saves. */
const MOST_PRODUCT = 25;

/**
 * [rows, block, places] as [rows, places turned round, block]. By a product with ones and zeros, which are exact: a transposition
 * between others would be pulled together with them (512 x 512 x 3 x 3: 2.5 ms, and the one that follows 3.5; together 21).
 */
function placesFirst(t: Tensors, x: string, rows: number, places: number): string {
  const { b, block } = t;
  if (places === 1) return x;
  if (places > MOST_PRODUCT)
    return b.op('Transpose', [turned(t, reshape(b, x, [rows, block, places]), places)], { perm: [0, 2, 1] });
  const size = block * places;
  const order = new Float32Array(size * size);
  for (let i = 0; i < block; i++)
    for (let k = 0; k < places; k++) order[(i * places + k) * size + (places - 1 - k) * block + i] = 1;
  return b.op('MatMul', [reshape(b, x, [rows, size]), b.constant(tensor('', 'float32', [size, size], order))]);
}

/**
 * Transposed in steps that each move one axis or keep the last one whole: a transposition of all axes at once takes several times
 * as long.
 */
function transposed(t: Tensors, x: string, dims: readonly number[], perm: readonly number[]): string {
  return t.b.op('Transpose', [reshape(t.b, x, dims)], { perm });
}

/** [O, I, h, w] as it lies for a convolution of blocked tensors: O / block, I / block, h, w, block of I, block of O. */
export function fullKernel(t: Tensors, name: string, [o, i, h, w]: Size): string {
  const { b, block } = t;
  const [out, into, places] = [whole(t, o), whole(t, i), h * w];
  const all = padTo(t, t.plain(name), [o, i, h, w], [out, into, h, w]);
  const last = transposed(t, all, [out / block, block, into * places], [0, 2, 1]);
  const mixed =
    places === 1 ? last : transposed(t, last, [(out * into) / block ** 2, block, places, block], [0, 2, 1, 3]);
  return reshape(b, mixed, [out, into, h, w]);
}

/** The same with input and output channels exchanged and the places turned round: the kernel of the gradient by the input. */
export function turnedKernel(t: Tensors, name: string, [o, i, h, w]: Size): string {
  const { b, block } = t;
  const [out, into, places] = [whole(t, o), whole(t, i), h * w];
  const all = padTo(t, t.plain(name), [o, i, h, w], [out, into, h, w]);
  const last = placesFirst(t, all, (out * into) / block, places);
  const mixed =
    places === 1
      ? transposed(t, last, [out / block, block, into / block, block], [2, 0, 1, 3])
      : transposed(t, last, [out / block, block, into / block, places, block], [2, 0, 3, 1, 4]);
  return reshape(b, mixed, [into, out, h, w]);
}

/** [C, 1, h, w] of a depthwise convolution: C / block, h, w, block. */
export function planeKernel(t: Tensors, name: string, [c, , h, w]: Size, round = false): string {
  const channels = whole(t, c);
  const all = padTo(t, t.plain(name), [c, 1, h, w], [channels, 1, h, w]);
  const split = reshape(t.b, all, [channels / t.block, t.block, h * w]);
  const places = round ? turned(t, split, h * w) : split;
  return reshape(t.b, t.b.op('Transpose', [places], { perm: [0, 2, 1] }), [channels, 1, h, w]);
}

/** [O, I, h, w] for an input of fewer channels than a block, which stays plain: O / block, I, h, w, block of O. */
export function directKernel(t: Tensors, name: string, [o, i, h, w]: Size): string {
  const out = whole(t, o);
  const all = padTo(t, t.plain(name), [o, i, h, w], [out, i, h, w]);
  return reshape(t.b, transposed(t, all, [out / t.block, t.block, i * h * w], [0, 2, 1]), [out, i, h, w]);
}
