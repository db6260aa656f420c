import type { Op } from '../op.js';

/** How a kernel goes over the places of an input, all numbers known. */
export interface Window {
  readonly input: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly begins: readonly number[];
  readonly ends: readonly number[];
  readonly output: readonly number[];
}

/** The window of a Conv, pool or gradient node over an input of the given places; `auto_pad` and `ceil_mode` become numbers. */
export function windowOf(c: Op, input: readonly number[], kernel: readonly number[]): Window {
  const rank = kernel.length;
  const strides = c.ints('strides') ?? kernel.map(() => 1);
  const dilations = c.ints('dilations') ?? kernel.map(() => 1);
  const pads = c.ints('pads') ?? new Array<number>(2 * rank).fill(0);
  const auto = c.string('auto_pad', 'NOTSET');
  const ceil = c.int('ceil_mode', 0) !== 0;
  const of = (i: number): { begin: number; end: number; output: number } => {
    const [size, stride] = [input[i] as number, strides[i] as number];
    const span = ((kernel[i] as number) - 1) * (dilations[i] as number) + 1;
    if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
      const output = Math.ceil(size / stride);
      const total = Math.max(0, (output - 1) * stride + span - size);
      const begin = auto === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);
      return { begin, end: total - begin, output };
    }
    const begin = auto === 'VALID' ? 0 : (pads[i] as number);
    const end = auto === 'VALID' ? 0 : (pads[i + rank] as number);
    const room = (size + begin + end - span) / stride;
    const output = ceil ? Math.ceil(room) + 1 : Math.floor(room) + 1;
    // A window that would begin in the padding behind is none.
    return { begin, end, output: ceil && (output - 1) * stride >= size + begin ? output - 1 : output };
  };
  const all = kernel.map((_, i) => of(i));
  return {
    input,
    kernel,
    strides,
    dilations,
    begins: all.map((a) => a.begin),
    ends: all.map((a) => a.end),
    output: all.map((a) => a.output),
  };
}

/** Padding behind that the windows reach: may be more than was asked for where sizes are rounded up. */
export const reachedEnds = (w: Window): readonly number[] =>
  w.kernel.map((k, i) => {
    const reach = ((w.output[i] as number) - 1) * (w.strides[i] as number) + (k - 1) * (w.dilations[i] as number) + 1;
    return Math.max(0, reach - (w.input[i] as number) - (w.begins[i] as number));
  });

/** TensorFlow's words for a padding of two axes: SAME is its own way to share an odd number out, which must be the same. */
export function paddingOf(w: Window): { readonly padding: string; readonly explicit_paddings?: readonly number[] } {
  const ends = reachedEnds(w);
  if ([...w.begins, ...ends].every((p) => p === 0)) return { padding: 'VALID' };
  const same = w.input.every((size, i) => {
    const stride = w.strides[i] as number;
    const output = Math.ceil(size / stride);
    const span = ((w.kernel[i] as number) - 1) * (w.dilations[i] as number) + 1;
    const total = Math.max(0, (output - 1) * stride + span - size);
    return output === w.output[i] && w.begins[i] === Math.floor(total / 2);
  });
  if (same) return { padding: 'SAME' };
  const pairs = w.kernel.flatMap((_, i) => [w.begins[i] as number, w.ends[i] as number]);
  return { padding: 'EXPLICIT', explicit_paddings: [0, 0, ...pairs, 0, 0] };
}
