import { constant, reduceSum, reshape, slice } from '../emit.js';
import { recur } from './recurrence.js';
import {
  algebra,
  before,
  type Cell,
  driven,
  gatesOf,
  hiddenBefore,
  passed,
  sized,
  summedProduct,
  within,
} from './recurrent-cell.js';

/** Gates in the order input, output, forget, cell; P in the order input, output, forget. */
export const lstmCell: Cell = (o) => {
  const { c } = o;
  const { b } = c;
  const type = c.type(0);
  const { steps, n, h } = o.sizes;
  const { add, mul, sigmoidSlope, tanhSlope } = algebra(c);
  const previous = hiddenBefore(o);
  const sums = add(
    driven(o, o.x, o.w, o.biases?.[0] ?? null, 0, 4),
    driven(o, previous, o.r, o.biases?.[1] ?? null, 0, 4),
  );
  const sum = (gate: number): string => gatesOf(o, sums, gate, gate + 1);
  const peephole = (gate: number): string | null =>
    o.p === null ? null : reshape(b, slice(b, o.p, { starts: [gate], ends: [gate + 1], axes: [0] }), [h]);
  const [pi, po, pf] = [peephole(0), peephole(1), peephole(2)];
  const peeping = (s: string, p: string | null, cells: string, e = b): string =>
    p === null ? s : e.op('Add', [s, e.op('Mul', [p, cells])]);
  const candidate = b.op('Tanh', [sum(3)]);
  const masks = o.mask === null ? [] : sized([n, 1], o.mask);
  const cells = recur(b, {
    type,
    steps,
    backwards: o.backwards,
    sequences: [...sized([n, h], sum(0), sum(2), candidate), ...masks],
    states: sized([n, h], o.c0),
    outputs: [[n, h]],
    step: (s, now, [cell]) => {
      const [si, sf, g, m] = now as [string, string, string, string | undefined];
      const e = algebra(c, s);
      const input = s.op('Sigmoid', [peeping(si, pi, cell as string, s)]);
      const forget = s.op('Sigmoid', [peeping(sf, pf, cell as string, s)]);
      const next = within(c, m ?? null, e.add(e.mul(forget, cell as string), e.mul(input, g)), cell as string, s);
      return { states: [next], outputs: [next] };
    },
  }).outputs[0] as string;
  const cellsBefore = before(o, cells, o.c0);
  const input = b.op('Sigmoid', [peeping(sum(0), pi, cellsBefore)]);
  const forget = b.op('Sigmoid', [peeping(sum(2), pf, cellsBefore)]);
  const output = b.op('Sigmoid', [peeping(sum(1), po, cells)]);
  const seen = b.op('Tanh', [cells]);
  const within0 = (x: string): string => within(c, o.mask, x, constant(b, type, 0));
  const slopes = [
    mul(seen, sigmoidSlope(output)),
    mul(output, tanhSlope(seen)),
    mul(candidate, sigmoidSlope(input)),
    mul(cellsBefore, sigmoidSlope(forget)),
    mul(input, tanhSlope(candidate)),
    forget,
  ].map(within0);
  const back = recur(b, {
    type,
    steps,
    backwards: !o.backwards,
    sequences: [...sized([n, h], o.dy, ...slopes), ...masks],
    states: sized([n, h], o.dh, o.dc),
    outputs: [[n, 4 * h]],
    step: (s, now, states) => {
      const [dy, ofOutput, ofCell, ofInput, ofForget, ofCandidate, keep, m] = now as [
        string,
        string,
        string,
        string,
        string,
        string,
        string,
        string | undefined,
      ];
      const [dh, dc] = states as [string, string];
      const e = algebra(c, s);
      const total = e.add(dh, dy);
      const gateO = e.mul(total, ofOutput);
      const dCell = peeping(e.add(dc, e.mul(total, ofCell)), po, gateO, s);
      const [gateI, gateF, gateC] = [ofInput, ofForget, ofCandidate].map((k) => e.mul(dCell, k)) as [
        string,
        string,
        string,
      ];
      const gates = s.op('Concat', [gateI, gateO, gateF, gateC], { axis: 1 });
      const dcBefore = peeping(peeping(e.mul(dCell, keep), pi, gateI, s), pf, gateF, s);
      return {
        states: [passed(c, s, m, s.op('MatMul', [gates, o.r]), dh), passed(c, s, m, dcBefore, dc)],
        outputs: [gates],
      };
    },
  });
  const gates = back.outputs[0] as string;
  const ofPeephole = (gate: number, seenCells: string): string =>
    reduceSum(b, mul(gatesOf(o, gates, gate, gate + 1), seenCells), [0, 1], false);
  return {
    byInput: gates,
    byState: gates,
    byRecurrence: summedProduct(o, gates, previous, [4 * h, h]),
    dh0: back.states[0] as string,
    dc0: back.states[1] as string,
    dp:
      o.p === null
        ? null
        : b.op('Concat', [ofPeephole(0, cellsBefore), ofPeephole(1, cells), ofPeephole(2, cellsBefore)], { axis: 0 }),
  };
};
