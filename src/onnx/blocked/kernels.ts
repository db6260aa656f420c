import { ints, reshape } from '../emit.js';
import { padTo, type Tensors, whole } from './tensors.js';

export type Size = readonly [out: number, perGroup: number, height: number, width: number];

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

/** Which places of a kernel, along either axis. */
export type Places = readonly [rows: readonly number[], columns: readonly number[]];
const chosen = ([rows, columns]: Places, width: number): readonly number[] =>
  rows.flatMap((row) => columns.map((column) => row * width + column));

/** Places of the kernel, in the order given, with input and output channels exchanged: for the gradient by the input. */
export function turnedKernel(t: Tensors, name: string, size: Size, given: Places): string {
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
  const taken = chosen(given, w);
  const order = Array.from({ length: across * down }, (_, to) => {
    const [from, row] = [to % down, Math.floor(to / down)];
    return taken.map((place) => (from * across + row) * places + place);
  }).flat();
  const rows = reshape(b, squares, [down * across * places, block * block]);
  const picked = b.op('Gather', [rows, ints(b, order)], { axis: 0 });
  return reshape(b, picked, [into, out, given[0].length, given[1].length]);
}

/** The same of a depthwise convolution. */
export function turnedPlanes(t: Tensors, name: string, size: Size, given: Places): string {
  const [c, , h, w] = size;
  const channels = whole(t, c);
  const rows = reshape(t.b, planeKernel(t, name, size), [channels / t.block, h * w, t.block]);
  const picked = h * w === 1 ? rows : t.b.op('Gather', [rows, ints(t.b, chosen(given, w))], { axis: 1 });
  return reshape(t.b, picked, [channels, 1, given[0].length, given[1].length]);
}

/** [C, 1, h, w] of a depthwise convolution: C / block, h, w, block. */
export function planeKernel(t: Tensors, name: string, [c, , h, w]: Size): string {
  const channels = whole(t, c);
  const all = padTo(t, t.plain(name), [c, 1, h, w], [channels, 1, h, w]);
  const split = reshape(t.b, all, [channels / t.block, t.block, h * w]);
  return reshape(t.b, t.b.op('Transpose', [split], { perm: [0, 2, 1] }), [channels, 1, h, w]);
}

/** [O, I, h, w] for an input of fewer channels than a block, which stays plain: O / block, I, h, w, block of O. */
export function directKernel(t: Tensors, name: string, [o, i, h, w]: Size): string {
  const out = whole(t, o);
  const all = padTo(t, t.plain(name), [o, i, h, w], [out, i, h, w]);
  return reshape(t.b, inBlocks(t, all, [1, out, i * h * w]), [out, i, h, w]);
}
