import { intAttribute } from '../attributes.js';
import { cast, constant } from '../emit.js';
import { recur } from './recurrence.js';
import {
  algebra,
  type Cell,
  driven,
  gatesOf,
  hiddenBefore,
  passed,
  sized,
  summedProduct,
  within,
} from './recurrent-cell.js';

/** h = f(x Wᵀ + h' Rᵀ + biases): the slope of f by its value. */
export const rnnCell: Cell = (o) => {
  const { c } = o;
  const { b } = c;
  const { steps, n, h } = o.sizes;
  const a = algebra(c);
  const previous = hiddenBefore(o);
  const slopes: Readonly<Record<string, () => string>> = {
    tanh: () => a.tanhSlope(o.h),
    sigmoid: () => a.sigmoidSlope(o.h),
    relu: () => cast(b, b.op('Greater', [o.h, constant(b, c.type(0), 0)]), c.type(0)),
  };
  const slope = within(c, o.mask, slopes[o.activations[0] as string]?.() ?? '', constant(b, c.type(0), 0));
  const back = recur(b, {
    type: c.type(0),
    steps,
    backwards: !o.backwards,
    sequences: [...sized([n, h], o.dy, slope), ...(o.mask === null ? [] : sized([n, 1], o.mask))],
    states: sized([n, h], o.dh),
    outputs: [[n, h]],
    step: (s, now, [dh]) => {
      const [dy, k, m] = now as [string, string, string | undefined];
      const { add, mul } = algebra(c, s);
      const gate = mul(add(dh as string, dy), k);
      return { states: [passed(c, s, m, s.op('MatMul', [gate, o.r]), dh as string)], outputs: [gate] };
    },
  });
  const gates = back.outputs[0] as string;
  return {
    byInput: gates,
    byState: gates,
    byRecurrence: summedProduct(o, gates, previous, [h, h]),
    dh0: back.states[0] as string,
    dc0: null,
    dp: null,
  };
};

/** Gates in the order update, reset, candidate; the reset gate is applied before or after the product with R. */
export const gruCell: Cell = (o) => {
  const { c } = o;
  const { b } = c;
  const type = c.type(0);
  const { steps, n, h } = o.sizes;
  const { add, sub, mul, sigmoidSlope, tanhSlope } = algebra(c);
  const after = intAttribute(c.node, 'linear_before_reset', 0) !== 0;
  const previous = hiddenBefore(o);
  const [wb, rb] = [o.biases?.[0] ?? null, o.biases?.[1] ?? null];
  const sums = add(driven(o, o.x, o.w, wb, 0, 2), driven(o, previous, o.r, rb, 0, 2));
  const [update, reset] = [0, 1].map((gate) => b.op('Sigmoid', [gatesOf(o, sums, gate, gate + 1)])) as [string, string];
  const remembered = mul(reset, previous);
  const recalled = driven(o, after ? previous : remembered, o.r, rb, 2, 3);
  const candidate = b.op('Tanh', [add(driven(o, o.x, o.w, wb, 2, 3), after ? mul(reset, recalled) : recalled)]);
  const within0 = (x: string): string => within(c, o.mask, x, constant(b, type, 0));
  const sequences = [
    o.dy,
    ...[
      mul(sub(previous, candidate), sigmoidSlope(update)),
      mul(after ? recalled : previous, sigmoidSlope(reset)),
      mul(sub(1, update), tanhSlope(candidate)),
      update,
      reset,
    ].map(within0),
  ];
  const rows = { gates: gatesOf(o, o.r, 0, 2, 0), candidate: gatesOf(o, o.r, 2, 3, 0) };
  const back = recur(b, {
    type,
    steps,
    backwards: !o.backwards,
    sequences: [...sized([n, h], ...sequences), ...(o.mask === null ? [] : sized([n, 1], o.mask))],
    states: sized([n, h], o.dh),
    outputs: [
      [n, 3 * h],
      [n, 3 * h],
    ],
    step: (s, now, [dh]) => {
      const [dy, ofUpdate, ofReset, ofCandidate, keep, open, m] = now as [
        string,
        string,
        string,
        string,
        string,
        string,
        string | undefined,
      ];
      const e = algebra(c, s);
      const total = e.add(dh as string, dy);
      const [gateU, gateC] = [e.mul(total, ofUpdate), e.mul(total, ofCandidate)];
      // What reaches the state through the candidate: before the reset gate, or after it.
      const through = after ? e.mul(gateC, open) : s.op('MatMul', [gateC, rows.candidate]);
      const gateR = e.mul(after ? gateC : through, ofReset);
      const byInput = s.op('Concat', [gateU, gateR, gateC], { axis: 1 });
      const byState = after ? s.op('Concat', [gateU, gateR, through], { axis: 1 }) : byInput;
      const recalling = after
        ? s.op('MatMul', [byState, o.r])
        : e.add(s.op('MatMul', [s.op('Concat', [gateU, gateR], { axis: 1 }), rows.gates]), e.mul(through, open));
      const before = e.add(e.mul(total, keep), recalling);
      return { states: [passed(c, s, m, before, dh as string)], outputs: [byInput, byState] };
    },
  });
  const [byInput, byState] = back.outputs as [string, string];
  const parts = (): readonly string[] => [
    summedProduct(o, gatesOf(o, byState, 0, 2), previous, [2 * h, h]),
    summedProduct(o, gatesOf(o, byState, 2, 3), remembered, [h, h]),
  ];
  return {
    byInput,
    byState,
    byRecurrence: after ? summedProduct(o, byState, previous, [3 * h, h]) : b.op('Concat', [...parts()], { axis: 0 }),
    dh0: back.states[0] as string,
    dc0: null,
    dp: null,
  };
};
