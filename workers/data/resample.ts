import { reserve } from '../wasm/module.js';
import { GROUP, type ResampleKernel, resampleKernel, WEIGHT_BITS, weightGroup } from './resample-kernel.js';
import type { Place, Size } from './scaling.js';

/**
 * A picture at another size, in the same numbers to the bit as Pillow's `resize` with `BILINEAR` (libImaging/Resample.c of 13.0),
 * which is torchvision's too: a triangle filter that is widened where the picture becomes smaller, across and then down, rounded
 * to uint8 in between. Only what `place` needs is computed.
 *
 * @param rgb uint8 [height, width, 3].
 * @param to Size of the whole picture.
 * @param place What to return of it.
 * @returns uint8 [height, width, 3] of `place`.
 */
export function resample(rgb: Uint8Array, { width, height }: Size, to: Size, place: Place): Uint8Array {
  const columns = windowsOf(width, to.width, place.left, place.width);
  const rows = windowsOf(height, to.height, place.top, place.height);
  const read = rows.last - rows.first;
  const inFours = 4 * Math.ceil(read / 4);
  const stride = 3 * width;
  const between = multipleOf16(3 * place.width + 1);
  const bytes = 3 * place.width * place.height;

  const groups = Math.ceil(columns.taps / GROUP);
  const down = 4 * columns.count * (1 + GROUP * groups);
  const source = down + 4 * rows.count * (1 + rows.taps);
  // Behind the last row, what is read of rows that do not exist and behind the last pixel; it counts for nothing.
  const middle = multipleOf16(source + stride * inFours + 3 * GROUP * groups + 16);
  const target = middle + between * (inFours + rows.taps);
  const { kernel, memory, table } = withMemory(target + bytes + between);
  const weights = new Int32Array(GROUP * Math.ceil(Math.max(columns.taps, rows.taps) / GROUP));
  for (let i = 0, at = 0; i < columns.count; i++) {
    table[at++] = 3 * (weigh(columns, i, weights) - columns.first);
    for (let tap = 0; tap < columns.taps; tap += GROUP, at += GROUP)
      weightGroup(table, at, weights[tap]!, weights[tap + 1]!, weights[tap + 2]!, weights[tap + 3]!);
  }
  for (let i = 0, at = down / 4; i < rows.count; i++) {
    table[at++] = between * (weigh(rows, i, weights) - rows.first);
    for (let tap = 0; tap < rows.taps; tap++) table[at++] = weights[tap]!;
  }
  memory.set(rgb.subarray(stride * rows.first, stride * rows.last), source);
  kernel.across(source + 3 * columns.first, stride, middle, between, inFours, 0, place.width, groups);
  kernel.down(middle, between, target, 3 * place.width, place.height, down, rows.taps);
  return memory.slice(target, target + bytes);
}

/** The weight 1. */
const ONE = 2 ** WEIGHT_BITS;
const multipleOf16 = (n: number): number => 16 * Math.ceil(n / 16);

interface Loaded {
  readonly kernel: ResampleKernel;
  readonly memory: Uint8Array;
  readonly table: Int32Array;
}
let loaded: Loaded | undefined;
/** The memory stays as large as the largest picture so far needed. */
function withMemory(bytes: number): Loaded {
  const kernel = loaded?.kernel ?? resampleKernel();
  reserve(kernel.memory, bytes);
  const { buffer } = kernel.memory;
  if (loaded?.table.buffer === buffer) return loaded;
  loaded = { kernel, memory: new Uint8Array(buffer), table: new Int32Array(buffer) };
  return loaded;
}

/** Which of `from` numbers along an axis each of `count` from `start` on is made of, where `from` become `to`. */
interface Windows {
  readonly from: number;
  readonly scale: number;
  readonly start: number;
  readonly count: number;
  /** The first that any is made of, and the one behind the last. */
  readonly first: number;
  readonly last: number;
  /** Most that one is made of. */
  readonly taps: number;
}

function windowsOf(from: number, to: number, start: number, count: number): Windows {
  const scale = from / to;
  const [first, last] = [beginOf(start, scale), endOf(start + count - 1, scale, from)];
  let taps = 0;
  for (let i = start; i < start + count; i++) taps = Math.max(taps, endOf(i, scale, from) - beginOf(i, scale));
  return { from, scale, start, count, first, last, taps };
}

/** The weights of what the `i`th is made of, zeros after them; returns where they begin. */
function weigh({ from, scale, start }: Windows, i: number, weights: Int32Array): number {
  const [begin, end] = [beginOf(start + i, scale), endOf(start + i, scale, from)];
  // As Pillow computes it: in another order the last bit may differ.
  const [centre, inverse] = [centreOf(start + i, scale), 1 / supportOf(scale)];
  let sum = 0;
  for (let x = begin; x < end; x++) sum += triangle((x - centre + 0.5) * inverse);
  for (let tap = 0; tap < weights.length; tap++) {
    const x = begin + tap;
    weights[tap] = x < end ? Math.trunc(0.5 + (triangle((x - centre + 0.5) * inverse) / sum) * ONE) : 0;
  }
  return begin;
}

const triangle = (x: number): number => Math.max(1 - Math.abs(x), 0);
const centreOf = (i: number, scale: number): number => (i + 0.5) * scale;
const supportOf = (scale: number): number => Math.max(scale, 1);
const beginOf = (i: number, scale: number): number =>
  Math.max(Math.trunc(centreOf(i, scale) - supportOf(scale) + 0.5), 0);
const endOf = (i: number, scale: number, from: number): number =>
  Math.min(Math.trunc(centreOf(i, scale) + supportOf(scale) + 0.5), from);
