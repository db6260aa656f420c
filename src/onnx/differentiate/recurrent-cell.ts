import type { GraphBuilder } from '../builder.js';
import { constant, reshape, slice, unsqueeze } from '../emit.js';
import type { Sized } from './recurrence.js';
import type { RuleContext } from './rule.js';

/** One direction of a recurrent layer: its tensors without the axis of directions, time first. */
export interface Direction {
  readonly c: RuleContext;
  readonly backwards: boolean;
  readonly activations: readonly string[];
  readonly sizes: { readonly steps: number; readonly n: number; readonly features: number; readonly h: number };
  /** [steps, n, 1], or null where all examples have all steps. */
  readonly mask: string | null;
  readonly x: string;
  readonly w: string;
  readonly r: string;
  readonly biases: readonly [ofInput: string, ofState: string] | null;
  /** Hidden states after every step, and before the first. */
  readonly h: string;
  readonly h0: string;
  readonly c0: string;
  /** Peepholes of the input, output and forget gates, [3, h]. */
  readonly p: string | null;
  /** Gradients of all hidden states, of the last, and of the last cell state. */
  readonly dy: string;
  readonly dh: string;
  readonly dc: string;
}

/** Gradients of one direction. The first two are [steps, n, gates * h]. */
export interface CellGradients {
  /** By what the input adds to the gates, and by what the state adds. */
  readonly byInput: string;
  readonly byState: string;
  /** By R: [gates * h, h]. */
  readonly byRecurrence: string;
  readonly dh0: string;
  readonly dc0: string | null;
  readonly dp: string | null;
}
export type Cell = (o: Direction) => CellGradients;

/** leftᵀ right, summed over steps and examples; last axes of the given widths. */
export function summedProduct(o: Direction, left: string, right: string, widths: readonly [number, number]): string {
  const { b } = o.c;
  const all = o.sizes.steps * o.sizes.n;
  const turned = b.op('Transpose', [reshape(b, left, [all, widths[0]])], { perm: [1, 0] });
  return b.op('MatMul', [turned, reshape(b, right, [all, widths[1]])]);
}

export const sized = (dims: readonly number[], ...names: readonly string[]): readonly Sized[] =>
  names.map((name) => ({ name, dims }));

/** Arithmetic on names. */
export interface Algebra {
  add(x: string, y: string): string;
  sub(x: string | 1, y: string): string;
  mul(...factors: readonly string[]): string;
  /** x (1 - x) and 1 - x²: slopes of the sigmoid and of tanh, by their values. */
  sigmoidSlope(y: string): string;
  tanhSlope(y: string): string;
}
export function algebra(c: RuleContext, b = c.b): Algebra {
  const one = (): string => constant(b, c.type(0), 1);
  const self: Algebra = {
    add: (x, y) => b.op('Add', [x, y]),
    sub: (x, y) => b.op('Sub', [x === 1 ? one() : x, y]),
    mul: (...factors) => factors.reduce((x, y) => b.op('Mul', [x, y])),
    sigmoidSlope: (y) => self.mul(y, self.sub(1, y)),
    tanhSlope: (y) => self.sub(1, self.mul(y, y)),
  };
  return self;
}

/** `x` at the steps that an example has, `otherwise` (may broadcast) beyond. */
export function within(c: RuleContext, mask: string | null, x: string, otherwise: string, b = c.b): string {
  if (mask === null) return x;
  const { add, sub, mul } = algebra(c, b);
  return add(mul(mask, x), mul(sub(1, mask), otherwise));
}

/** States before every step, from those after: moved on by one, with the first in front. */
export function before(o: Direction, after: string, first: string): string {
  const { b } = o.c;
  const { steps } = o.sizes;
  const lead = unsqueeze(b, first, [0]);
  if (steps === 1) return lead;
  const kept = o.backwards ? [1, steps] : [0, steps - 1];
  const rest = slice(b, after, { starts: [kept[0] as number], ends: [kept[1] as number], axes: [0] });
  return b.op('Concat', o.backwards ? [rest, lead] : [lead, rest], { axis: 0 });
}
/** Hidden states before every step. Where time runs backwards an example begins at its last step, beyond which Y holds zeros. */
export function hiddenBefore(o: Direction): string {
  const h = o.backwards ? within(o.c, o.mask, o.h, unsqueeze(o.c.b, o.h0, [0])) : o.h;
  return before(o, h, o.h0);
}

/** Gates [first, last) of a tensor that has them side by side on its last axis. */
export function gatesOf(o: Direction, x: string, first: number, last: number, axis = 2, b = o.c.b): string {
  return slice(b, x, { starts: [first * o.sizes.h], ends: [last * o.sizes.h], axes: [axis] });
}
/** x wᵀ + bias, for all steps at once; the rows [first, last) gates of w. */
export function driven(o: Direction, x: string, w: string, bias: string | null, first: number, last: number): string {
  const { b } = o.c;
  const rows = gatesOf(o, w, first, last, 0);
  const y = b.op('MatMul', [x, b.op('Transpose', [rows], { perm: [1, 0] })]);
  return bias === null ? y : b.op('Add', [y, gatesOf(o, bias, first, last, 0)]);
}

/** What goes on to the step before: all that was computed, and beyond an example's length the state's gradient as it came. */
export function passed(
  c: RuleContext,
  s: GraphBuilder,
  mask: string | undefined,
  computed: string,
  came: string,
): string {
  if (mask === undefined) return computed;
  const { add, sub, mul } = algebra(c, s);
  return add(computed, mul(sub(1, mask), came));
}
