import type { Window } from '../differentiate/convolution-window.js';
import { reshape, slice } from '../emit.js';
import { geometryOf } from '../lower/convolution.js';
import { elements, tensor } from '../tensor.js';
import type { Rewrite } from './convolution.js';
import { type Size, turnedKernel, turnedPlanes } from './kernels.js';
import { type Tensors, whole } from './tensors.js';

/**
 * A convolution of the output's gradient with the kernel turned round. With strides one for each phase of the places, or with zeros
 * between them; of a kernel of one place the results are put apart instead.
 */
export const convInputGradient: Rewrite = (t, node) => {
  const [dy, weight] = node.inputs as readonly [string, string];
  const { n, out, perGroup, group, w } = geometryOf(node);
  const depthwise = group > 1 && perGroup === 1 && out === group;
  const channels = perGroup * group;
  if (w.kernel.length !== 2 || (group > 1 && !depthwise) || channels % 4 !== 0 || !t.canBlock(dy)) return false;
  const [height, width] = w.kernel as [number, number];
  const strided = w.strides.some((s) => s > 1);
  const point = height === 1 && width === 1;
  if (strided && point && w.begins.some((p) => p > 0)) return false;
  const large = strided && !point && n * channels * elements(w.input) > t.mostInPhases;
  if (large && !depthwise) return false;
  const size: Size = [out, perGroup, height, width];
  const kernelOf = depthwise ? turnedPlanes : turnedKernel;
  const wide = w.output.map((d, i) => d * (w.strides[i] as number));
  // What is put apart before or after is convolved as if there were no strides.
  const even = { ...w, strides: [1, 1] };
  const convolved = large ? { ...even, output: wide } : strided && point ? { ...even, input: w.output } : w;
  const [rows, columns] = [phases(convolved, 0), phases(convolved, 1)];
  if ([...rows, ...columns].some((p) => p.begin < 0 || p.end < 0 || p.places.length === 0)) return false;
  const all = whole(t, channels);
  const planes = [(n * all) / t.block, all, n] as const;
  const outs = whole(t, out);
  const from = large ? apart(t, t.blocked(dy), [(n * outs) / t.block, outs, n], { ...w, input: wide }) : t.blocked(dy);
  const part = (row: number, column: number): string => {
    const [down, right] = [rows[row]!, columns[column]!];
    return t.op('Conv', [from, kernelOf(t, weight, size, [down.places, right.places])], {
      kernel_shape: [down.places.length, right.places.length],
      dilations: [down.dilation, right.dilation],
      pads: [down.begin, right.begin, down.end, right.end],
      group: depthwise ? whole(t, out) : 1,
    });
  };
  const dx = !strided || large ? part(0, 0) : point ? apart(t, part(0, 0), planes, w) : together(t, part, planes, w);
  t.setBlocked(node.outputs[0] as string, dx);
  return true;
};

/** Along one axis: which places of the kernel, in the order of the convolution, make every stride-th place of the result. */
interface Phase {
  readonly places: readonly number[];
  readonly dilation: number;
  readonly begin: number;
  readonly end: number;
}

/**
 * Place q s + a of the result, with stride s, dilation d and p places of padding, is the sum of dy[(q s + a + p - k d) / s] w[k] over
 * those k for which s divides. They are every m-th one, their places in dy d m / s apart.
 */
function phases(w: Window, axis: 0 | 1): readonly Phase[] {
  const [kernel, s, d, p] = [w.kernel, w.strides, w.dilations, w.begins].map((of) => of[axis] as number) as [
    number,
    number,
    number,
    number,
  ];
  const count = Math.ceil((w.input[axis] as number) / s);
  return Array.from({ length: s }, (_, a) => {
    const places = Array.from({ length: kernel }, (_, k) => k)
      .filter((k) => (a + p - k * d) % s === 0)
      .reverse();
    const at = places.map((k) => (a + p - k * d) / s);
    const [first, last] = [at[0] ?? 0, at.at(-1) ?? 0];
    const dilation = at.length > 1 ? (at[1] as number) - first : 1;
    return { places, dilation, begin: -first, end: count - 1 + last - ((w.output[axis] as number) - 1) };
  });
}

/** The phases' results put between each other, row by row, [n, C, H, W] of the input's size. */
function together(
  t: Tensors,
  part: (row: number, column: number) => string,
  [planes, channels, n]: readonly [number, number, number],
  { strides, input }: Window,
): string {
  const { b, block } = t;
  const [down, right] = strides as [number, number];
  const [tall, wide] = input.map((d, i) => Math.ceil(d / (strides[i] as number))) as [number, number];
  const between = (all: readonly string[], axis: number): string =>
    all.length === 1 ? (all[0] as string) : b.op('Concat', all, { axis });
  const rows = Array.from({ length: down }, (_, row) => {
    const columns = Array.from({ length: right }, (_, column) => part(row, column));
    return between(
      columns.map((each) => reshape(b, each, [planes * tall, 1, wide, 1, block])),
      3,
    );
  });
  return cutTo(t, between(rows, 1), [planes, tall * down, wide * right], [n, channels, ...input]);
}

/** Zeros between the places: [N, C, H, W] becomes the sizes given. */
function apart(
  t: Tensors,
  x: string,
  [planes, channels, n]: readonly [number, number, number],
  { output, strides, input }: Window,
): string {
  const { b, block } = t;
  const [height, width] = output as [number, number];
  const [down, right] = strides as [number, number];
  // A product with ones and zeros: unlike Pad it runs on all threads.
  const mask = Array.from({ length: down * right }, (_, i) => (i === 0 ? 1 : 0));
  const spread = b.op('Mul', [
    reshape(b, x, [planes * height, 1, width, 1, block]),
    b.constant(tensor('', 'float32', [down, 1, right, 1], mask)),
  ]);
  return cutTo(t, spread, [planes, height * down, width * right], [n, channels, ...input]);
}

/** The first places of planes, in the tensor's own sizes. */
function cutTo(
  t: Tensors,
  x: string,
  [planes, tall, wide]: readonly [number, number, number],
  size: readonly number[],
): string {
  const [, , height, width] = size as [number, number, number, number];
  if (tall === height && wide === width) return reshape(t.b, x, size);
  const whole = reshape(t.b, x, [planes, tall, wide, t.block]);
  return reshape(t.b, slice(t.b, whole, { starts: [0, 0], ends: [height, width], axes: [1, 2] }), size);
}
