import { intsAttribute, stringAttribute } from '../attributes.js';
import { pad, reduceSum, reshape, slice } from '../emit.js';
import { OnnxError } from '../error.js';
import { NEWEST_OPSET } from '../opsets.js';
import { range, wrap } from './axes.js';
import type { Rule, RuleContext, RuleLine } from './rule.js';

/** Padding of every axis at its begin and end; negative: cropped. */
function padsOf(c: RuleContext): readonly (readonly [number, number])[] {
  const rank = c.dims(0).length;
  const given = c.opset < 11 ? (intsAttribute(c.node, 'pads') ?? []) : c.constant(1);
  const axes = c.has(3) ? c.constant(3).map((axis) => wrap(axis, rank)) : range(rank);
  return range(rank).map((axis) => {
    const at = axes.indexOf(axis);
    return at < 0 ? [0, 0] : [given[at] as number, given[at + axes.length] as number];
  });
}

/** Of constant padding the middle; what was cropped away gets zeros. The number that was padded with gets all the rest. */
const constantPad: Rule = (c) => {
  const pads = padsOf(c);
  const inner = (): string => pad(c.b, c.dy, [...pads.map((p) => -p[0]), ...pads.map((p) => -p[1])]);
  const all = range(c.dims(0).length);
  const rest = (): string => {
    const kept = reduceSum(c.b, inner(), all, false);
    return reshape(c.b, c.b.op('Sub', [reduceSum(c.b, c.dy, all, false), kept]), c.dims(2));
  };
  return [inner, null, rest, null];
};

/** Index of the input that place `at` of an axis of size `n` shows, counted from the input's begin. */
const SOURCE: Readonly<Record<string, (at: number, n: number) => number>> = {
  edge: (at, n) => Math.min(Math.max(at, 0), n - 1),
  wrap: (at, n) => ((at % n) + n) % n,
  reflect: (at, n) => {
    const period = Math.max(1, 2 * (n - 1));
    const place = ((at % period) + period) % period;
    return place < n ? place : period - place;
  },
};

/** A stretch of an axis that shows the input in order (1), backwards (-1), or one place again and again (0). */
interface Run {
  readonly from: number;
  readonly length: number;
  readonly first: number;
  readonly step: number;
}
function runs(sources: readonly number[], backwards: boolean): readonly Run[] {
  const found: Run[] = [];
  for (let from = 0; from < sources.length; ) {
    const first = sources[from] as number;
    const step = (sources[from + 1] ?? first + 1) - first;
    const going = step === 1 || step === 0 || (step === -1 && backwards);
    let length = 1;
    while (going && sources[from + length] === first + step * length) length++;
    found.push({ from, length, first, step: length === 1 ? 1 : step });
    from += length;
  }
  return found;
}

/** Every stretch's gradient goes back to the places that it shows; axis by axis, since each is padded for itself. */
const shownAgain =
  (source: (at: number, n: number) => number): Rule =>
  (c) => [
    () => {
      const { b } = c;
      const rank = c.dims(0).length;
      let dy = c.dy;
      padsOf(c).forEach(([begin, end], axis) => {
        if (begin === 0 && end === 0) return;
        const n = c.dims(0)[axis] as number;
        const shown = range(begin + n + end).map((at) => source(at - begin, n));
        const parts = runs(shown, b.opset >= 10).map(({ from, length, first, step }) => {
          let part = slice(b, dy, { starts: [from], ends: [from + length], axes: [axis] });
          if (step === 0) part = reduceSum(b, part, [axis], true);
          if (step === -1) part = slice(b, part, { starts: [-1], ends: [-(2 ** 40)], axes: [axis], steps: [-1] });
          const size = step === 0 ? 1 : length;
          const low = step === -1 ? first - length + 1 : first;
          const pads: number[] = new Array(2 * rank).fill(0);
          pads[axis] = low;
          pads[rank + axis] = n - low - size;
          return pad(b, part, pads);
        });
        dy = parts.reduce((x, y) => b.op('Add', [x, y]));
      });
      return dy;
    },
    null,
    null,
    null,
  ];

const padRule: Rule = (c) => {
  const mode = stringAttribute(c.node, 'mode', 'constant');
  if (mode === 'constant') return constantPad(c);
  const source = SOURCE[mode];
  if (!source)
    throw new OnnxError('operator-not-differentiable', `Pad '${c.node.name}' of mode ${mode} has no gradient rule.`);
  return shownAgain(source)(c);
};

export const paddingRules: readonly RuleLine[] = [['Pad', 7, NEWEST_OPSET, padRule]];
