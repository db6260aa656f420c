import { intsAttribute, stringAttribute } from '../attributes.js';
import type { RuleContext } from './rule.js';

/** How a kernel goes over the spatial axes of an input. */
export interface Window {
  /** Sizes of the spatial axes: input, output, kernel. */
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly begins: readonly number[];
  readonly ends: readonly number[];
}

/** How the kernel goes over the input; `auto_pad` becomes numbers, since all sizes are known. */
export function windowOf(c: RuleContext, kernel: readonly number[]): Window {
  const input = c.dims(0).slice(2);
  const output = c.yDims().slice(2);
  const ones = kernel.map(() => 1);
  const strides = intsAttribute(c.node, 'strides') ?? ones;
  const dilations = intsAttribute(c.node, 'dilations') ?? ones;
  const auto = stringAttribute(c.node, 'auto_pad', 'NOTSET');
  const given = intsAttribute(c.node, 'pads');
  const rank = kernel.length;
  const reach = kernel.map(
    (k, i) => ((output[i] as number) - 1) * (strides[i] as number) + (k - 1) * (dilations[i] as number) + 1,
  );
  const same = reach.map((r, i) => Math.max(0, r - (input[i] as number)));
  const low = (i: number): number => {
    const total = same[i] as number;
    if (auto === 'SAME_UPPER') return Math.floor(total / 2);
    if (auto === 'SAME_LOWER') return Math.ceil(total / 2);
    return auto === 'NOTSET' ? (given?.[i] ?? 0) : 0;
  };
  const begins = kernel.map((_, i) => low(i));
  const ends = kernel.map((_, i) =>
    auto === 'NOTSET' ? (given?.[i + rank] ?? 0) : Math.max(0, (same[i] as number) - low(i)),
  );
  return { input, output, kernel, strides, dilations, begins, ends };
}

/** Length of the kernel along an axis, with its gaps, less one. */
export const span = (w: Window, i: number): number => ((w.kernel[i] as number) - 1) * (w.dilations[i] as number);

/** How much of the padded input the outputs of an axis see. */
export const reach = (w: Window, i: number): number =>
  ((w.output[i] as number) - 1) * (w.strides[i] as number) + span(w, i) + 1;
