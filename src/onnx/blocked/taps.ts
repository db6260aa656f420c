import { reach, type Window } from '../differentiate/convolution-window.js';
import { pad, reduceSum, reshape, slice } from '../emit.js';
import type { Geometry } from '../lower/convolution.js';
import { elements } from '../tensor.js';
import { firstOf, type Tensors, whole } from './tensors.js';

/** [n, ...size, channels], from blocks. */
export function channelsLast(t: Tensors, name: string, n: number, channels: number, size: readonly number[]): string {
  const last = t.op('ReorderOutput', [t.blocked(name)], { channels, channels_last: 1 });
  return reshape(t.b, last, [n, ...size, channels]);
}

/** What each place of the kernel saw of `[rows, height, width, channels]`, once padded: `[rows, ...output, channels]`, row by row. */
export function seen(t: Tensors, x: string, w: Window): readonly string[] {
  const { b } = t;
  const ends = w.kernel.map((_, i) => reach(w, i) - (w.input[i] as number) - (w.begins[i] as number));
  const padded = pad(b, x, [0, ...w.begins, 0, 0, ...ends, 0]);
  const [down, right] = w.kernel as [number, number];
  return Array.from({ length: down * right }, (_, tap) => {
    const at = [Math.floor(tap / right), tap % right].map((k, i) => k * (w.dilations[i] as number));
    const tapEnds = at.map((from, i) => from + ((w.output[i] as number) - 1) * (w.strides[i] as number) + 1);
    const steps = w.strides.some((s) => s > 1) ? { steps: w.strides } : {};
    const all = at.every((from, i) => from === 0 && tapEnds[i] === reach(w, i));
    return all && !steps.steps ? padded : slice(b, padded, { starts: at, ends: tapEnds, axes: [1, 2], ...steps });
  });
}

/** For every place of the kernel one product of the output's gradient with what the place saw of the padded input, channels last. */
export function taps(t: Tensors, x: string, dy: string, g: Geometry): string {
  const { b } = t;
  const { n, out, perGroup, w } = g;
  const [ins, count] = [whole(t, perGroup), elements(w.kernel)];
  const products = pairs(t, x, dy, g).map(([left, right]) => {
    const each = b.op('MatMul', [left, right]);
    return reshape(b, n === 1 ? each : reduceSum(b, each, [0], false), [out, ins, 1]);
  });
  const together = products.length === 1 ? (products[0] as string) : b.op('Concat', products, { axis: 2 });
  return firstOf(t, reshape(b, together, [out, ins, count]), 1, ins, perGroup);
}

/** For every place of the kernel [n, out, places] of the output's gradient and [n, places, ins] of the input, to be multiplied. */
function pairs(t: Tensors, x: string, dy: string, g: Geometry): readonly (readonly [string, string])[] {
  const { b } = t;
  const { n, out, perGroup, w } = g;
  const ins = whole(t, perGroup);
  const input = channelsLast(t, x, n, ins, w.input);
  if (w.strides.every((s) => s === 1)) return shifted(t, input, t.plain(dy), g);
  const places = elements(w.output);
  const left = reshape(b, t.plain(dy), [n, out, places]);
  return seen(t, input, w).map((part) => [left, reshape(b, part, [n, places, ins])] as const);
}

/**
 * Without strides a place of the kernel sees the input shifted down and to the right. The gradient is shifted the other way down
 * and the input to the right: copies for each row and each column of the kernel instead of one for each of its places.
 */
function shifted(t: Tensors, input: string, dy: string, { n, out, perGroup, w }: Geometry) {
  const { b } = t;
  const ins = whole(t, perGroup);
  const [[height, width], [tall, wide]] = [w.input, w.output] as [[number, number], [number, number]];
  const by = (axis: 0 | 1): readonly number[] =>
    Array.from(
      { length: w.kernel[axis] as number },
      (_, k) => k * (w.dilations[axis] as number) - (w.begins[axis] as number),
    );
  const gradients = by(0).map((d) =>
    reshape(b, pad(b, dy, [0, 0, d, 0, 0, 0, height - tall - d, 0]), [n, out, height * wide]),
  );
  const inputs = by(1).map((d) =>
    reshape(b, pad(b, input, [0, 0, -d, 0, 0, 0, wide - width + d, 0]), [n, height * wide, ins]),
  );
  return gradients.flatMap((left) => inputs.map((right) => [left, right] as const));
}
