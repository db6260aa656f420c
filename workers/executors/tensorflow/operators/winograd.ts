import { elements } from '../../../../src/onnx/index.js';
import type { Op } from '../op.js';
import type { Raw } from '../recorder.js';
import type { Window } from './window.js';

type Matrix = readonly (readonly number[])[];

/** Places of the result and of the input along one axis of a tile. */
const [TILE, REACH] = [4, 6];
/** F(4x4, 3x3) of Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016, arXiv:1509.09308), 4.3. */
const INPUT: Matrix = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, 4, -4, -1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
];
const KERNEL: Matrix = [
  [1 / 4, 0, 0],
  [-1 / 6, -1 / 6, -1 / 6],
  [-1 / 6, 1 / 6, -1 / 6],
  [1 / 24, 1 / 12, 1 / 6],
  [1 / 24, -1 / 12, 1 / 6],
  [0, 0, 1],
];
const RESULT: Matrix = [
  [1, 1, 1, 1, 1, 0],
  [0, 1, -1, 2, -2, 0],
  [0, 1, 1, 4, 4, 0],
  [0, 1, -1, 8, -8, 1],
];
/** The same along both axes at once (Kronecker product). */
const both = (m: Matrix): Matrix => m.flatMap((a) => m.map((b) => a.flatMap((x) => b.map((y) => x * y))));
const transposed = (m: Matrix): Matrix => (m[0] as readonly number[]).map((_, j) => m.map((row) => row[j] as number));
const [RESULT_GRADIENT, KERNEL_GRADIENT] = [transposed(both(RESULT)), transposed(both(KERNEL))];

/** Channels from which on the products outweigh the transforms, as C · K / (C + K): 64 to 64. */
const LEAST = 32;
/** Whether `tiledWeightGradient` can do it, and faster than the library. */
export const worthTiling = ({ kernel, strides, dilations }: Window, channels: number, out: number): boolean =>
  kernel.every((k) => k === 3) &&
  [...strides, ...dilations].every((s) => s === 1) &&
  (channels * out) / (channels + out) >= LEAST;

/**
 * The gradient of a 3x3 convolution of stride 1 by its kernel: of x [N, H, W, C] and dy [N, H', W', K] the sum over places,
 * [3, 3, C, K]. Tiles of 4x4 results and the 6x6 inputs that they come of are transformed, multiplied in 36 products over
 * all tiles, and the sums transformed back: a quarter of the multiplications of the plain sum, at the price of rounding
 * errors up to 2e-5 of the result's root mean square where the plain sum's are up to 2e-6.
 */
export function tiledWeightGradient(c: Op, x: Raw, dy: Raw, { begins, output }: Window): Raw {
  const [channels, out] = [x.dims[3] as number, dy.dims[3] as number];
  const across = output.map((size) => Math.ceil(size / TILE)) as [number, number];
  const shared = { adj_x: true, adj_y: false };
  const products = c.call('BatchMatMulV2', [inputTiles(c, x, begins, across), resultTiles(c, dy, across)], shared);
  const made = combined(c, KERNEL_GRADIENT, products);
  return c.call('Reshape', [made, c.sizes([3, 3, channels, out])]);
}

/** [N, H, W, C] to the transform of its overlapping tiles, [36, tiles, C]. */
function inputTiles(c: Op, x: Raw, begins: readonly number[], across: readonly [number, number]): Raw {
  const [n, , , channels] = x.dims as [number, number, number, number];
  const [down, right] = across;
  const [height, width] = across.map((count) => TILE * (count + 1)) as [number, number];
  const around = [begins, [height, width].map((size, i) => size - (x.dims[i + 1] as number) - (begins[i] as number))];
  const padded = padTo(c, x, around);
  const columns = overlapping(c, padded, [n * height, right, channels]);
  const rows = overlapping(c, columns, [REACH * n, down, right * channels]);
  return c.call('Reshape', [rows, c.sizes([REACH * REACH, n * down * right, channels])]);
}
/** Of [before, (count + 1) · 4, after] the transform along the middle axis: [6, before · count · after]. */
function overlapping(c: Op, r: Raw, [before, count, after]: readonly [number, number, number]): Raw {
  const phases = c.call('Reshape', [r, c.sizes([before, count + 1, TILE, after])]);
  const parts = Array.from({ length: REACH }, (_, i) =>
    c.call('Slice', [phases, c.sizes([0, Math.floor(i / TILE), i % TILE, 0]), c.sizes([before, count, 1, after])]),
  );
  return combined(c, INPUT, c.call('ConcatV2', [...parts, c.constant('int32', [], 0)], { N: REACH, T: 1 }));
}
/** [N, H, W, K] to the transform of its tiles, [36, tiles, K]. */
function resultTiles(c: Op, dy: Raw, [down, right]: readonly [number, number]): Raw {
  const [n, height, width, out] = dy.dims as [number, number, number, number];
  const whole = padTo(c, dy, [
    [0, 0],
    [down * TILE - height, right * TILE - width],
  ]);
  const phases = c.call('Reshape', [whole, c.sizes([n, down, TILE, right, TILE, out])]);
  const tiles = c.call('Transpose', [phases, c.sizes([2, 4, 0, 1, 3, 5])]);
  const made = combined(c, RESULT_GRADIENT, tiles);
  return c.call('Reshape', [made, c.sizes([REACH * REACH, n * down * right, out])]);
}
/** The matrix times the tensor seen as [its columns, all else]. */
function combined(c: Op, m: Matrix, r: Raw): Raw {
  const [rows, columns] = [m.length, m[0]?.length as number];
  const flat = c.call('Reshape', [r, c.sizes([columns, elements(r.dims) / columns])]);
  const matrix = c.constant('float32', [rows, columns], m.flat());
  return c.call('MatMul', [matrix, flat], { transpose_a: false, transpose_b: false });
}
function padTo(c: Op, r: Raw, [begins, ends]: readonly (readonly number[])[]): Raw {
  const pairs = [0, 0, ...[0, 1].flatMap((i) => [begins?.[i] as number, ends?.[i] as number]), 0, 0];
  if (pairs.every((p) => p === 0)) return r;
  return c.call('Pad', [r, c.constant('int32', [4, 2], pairs)]);
}
