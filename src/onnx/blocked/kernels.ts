import { ints, reshape, slice } from '../emit.js';
import { padTo, type Tensors, whole } from './tensors.js';

type Size = readonly [out: number, perGroup: number, height: number, width: number];

/** The kernel's places, the last of three axes, in the other order. */
function turned(t: Tensors, x: string, places: number): string {
  if (places === 1) return x;
  const backwards = Array.from({ length: places }, (_, i) => places - 1 - i);
  if (t.b.opset < 10) return t.b.op('Gather', [x, ints(t.b, backwards)], { axis: 2 });
  return slice(t.b, x, { starts: [-1], ends: [-(2 ** 40)], axes: [2], steps: [-1] });
}

/**
 * [rows, channels, places] as [rows, channels / block, places, block]. By the operator that reorders tensors: it works on all threads
 * and in vectors, where a Transpose takes five times as long (both steps of a kernel of 512 x 512 x 3 x 3: 1.0 and 5.1 ms on two cores).
 */
function inBlocks(t: Tensors, x: string, size: readonly [rows: number, channels: number, places: number]): string {
  return t.op('ReorderInput', [reshape(t.b, x, [...size, 1])]);
}

/** [O, I, h, w] as it lies for a convolution of blocked tensors: O / block, I / block, h, w, block of I, block of O. */
export function fullKernel(t: Tensors, name: string, [o, i, h, w]: Size): string {
  const { b, block } = t;
  const [out, into, places] = [whole(t, o), whole(t, i), h * w];
  const all = padTo(t, t.plain(name), [o, i, h, w], [out, into, h, w]);
  const inner = places === 1 ? all : inBlocks(t, all, [(out * into) / block, block, places]);
  return reshape(b, inBlocks(t, inner, [1, out, into * places]), [out, into, h, w]);
}

/** The same with input and output channels exchanged and the places turned round: the kernel of the gradient by the input. */
export function turnedKernel(t: Tensors, name: string, size: Size): string {
  const { b, block } = t;
  const [o, i, h, w] = size;
  const [out, into, places] = [whole(t, o), whole(t, i), h * w];
  if (places === 1) {
    const all = padTo(t, t.plain(name), [o, i, h, w], [out, into, h, w]);
    const mixed = t.op('ReorderInput', [reshape(b, all, [1, 1, out, into])], { channels_last: 1 });
    return reshape(b, mixed, [into, out, h, w]);
  }
  // In each square of channels of the kernel that the convolution takes the axes change places, then the squares do.
  const [down, across] = [out / block, into / block];
  const squares = inBlocks(t, fullKernel(t, name, size), [down * across * places, block, block]);
  const order = Array.from({ length: down * across * places }, (_, at) => {
    const [place, to] = [at % places, Math.floor(at / places)];
    const [from, row] = [to % down, Math.floor(to / down)];
    return (from * across + row) * places + (places - 1 - place);
  });
  const rows = reshape(b, squares, [down * across * places, block * block]);
  return reshape(b, b.op('Gather', [rows, ints(b, order)], { axis: 0 }), [into, out, h, w]);
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
  return reshape(t.b, inBlocks(t, all, [1, out, i * h * w]), [out, i, h, w]);
}
