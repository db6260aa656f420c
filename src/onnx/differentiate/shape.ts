import { intAttribute, intsAttribute } from '../attributes.js';
import { cast, keepWhere, pad, reshape, slice, sumTo, zeros } from '../emit.js';
import { NEWEST_OPSET } from '../opsets.js';
import { elements } from '../tensor.js';
import { wrap } from './axes.js';
import type { Rule, RuleContext, RuleLine } from './rule.js';

/** Reshape, Flatten, Squeeze, Unsqueeze: back to the size it had. */
const reshaped: Rule = (c) => [
  () => (elements(c.dims(0)) === 0 ? zeros(c.b, c.type(0), c.dims(0)) : reshape(c.b, c.dy, c.dims(0))),
  null,
];
const identity: Rule = (c) => [() => c.dy];
/** Between float types; integers and booleans carry no gradient. */
const castRule: Rule = (c) => [() => cast(c.b, c.dy, c.type(0))];
const expandRule: Rule = (c) => [() => sumTo(c.b, c.dy, c.yDims(), c.dims(0)), null];

const transpose: Rule = (c) => [
  () => {
    const rank = c.dims(0).length;
    const perm = intsAttribute(c.node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
    return c.b.op('Transpose', [c.dy], { perm: perm.map((_, i) => perm.indexOf(i)) });
  },
];

const concat: Rule = (c) => {
  const axis = wrap(intAttribute(c.node, 'axis', 1), c.yDims().length);
  let at = 0;
  return c.node.inputs.map((_, i) => {
    const start = at;
    at += c.dims(i)[axis] as number;
    const end = at;
    return () => slice(c.b, c.dy, { starts: [start], ends: [end], axes: [axis] });
  });
};

const where: Rule = (c) => [
  null,
  () => sumTo(c.b, keepWhere(c.b, c.x(0), c.dy, c.type(1)), c.yDims(), c.dims(1)),
  () => sumTo(c.b, keepWhere(c.b, c.b.op('Not', [c.x(0)]), c.dy, c.type(2)), c.yDims(), c.dims(2)),
];

interface Cut {
  readonly axis: number;
  /** Smallest index taken, distance between taken ones, and whether they are taken from the end. */
  readonly first: number;
  readonly step: number;
  readonly reversed: boolean;
}
function cuts(c: RuleContext): readonly Cut[] {
  const dims = c.dims(0);
  const old = c.opset < 10;
  const starts = old ? (intsAttribute(c.node, 'starts') ?? []) : c.constant(1);
  const given = old ? intsAttribute(c.node, 'axes') : c.has(3) ? c.constant(3) : null;
  const steps = old || !c.has(4) ? null : c.constant(4);
  return starts.map((start, i) => {
    const axis = wrap(given ? (given[i] as number) : i, dims.length);
    const size = dims[axis] as number;
    const step = steps ? (steps[i] as number) : 1;
    const from = Math.min(Math.max(start < 0 ? start + size : start, 0), step > 0 ? size : size - 1);
    const taken = c.yDims()[axis] as number;
    return step > 0
      ? { axis, first: from, step, reversed: false }
      : { axis, first: from + (taken - 1) * step, step: -step, reversed: true };
  });
}

/** Puts the gradient back among zeros: reversed axes are turned, steps are spread apart, and the rest is padding. */
const sliceRule: Rule = (c) => [
  () => {
    if (elements(c.yDims()) === 0) return zeros(c.b, c.type(0), c.dims(0));
    let dy = c.dy;
    const dims = [...c.yDims()];
    const rank = dims.length;
    const pads: number[] = new Array(2 * rank).fill(0);
    for (const { axis, first, step, reversed } of cuts(c)) {
      if (reversed) dy = slice(c.b, dy, { starts: [-1], ends: [-(2 ** 40)], axes: [axis], steps: [-1] });
      if (step > 1) {
        const apart = [...dims.slice(0, axis + 1), 1, ...dims.slice(axis + 1)];
        const gaps: number[] = new Array(2 * rank + 2).fill(0);
        gaps[rank + 1 + axis + 1] = step - 1;
        dims[axis] = (dims[axis] as number) * step;
        dy = reshape(c.b, pad(c.b, reshape(c.b, dy, apart), gaps), dims);
      }
      pads[axis] = first;
      pads[rank + axis] = (c.dims(0)[axis] as number) - first - (dims[axis] as number);
    }
    return pad(c.b, dy, pads);
  },
  null,
  null,
  null,
  null,
];

/** The pieces' gradients one behind the other; a piece that nothing depends on has zeros. */
const splitRule: Rule = (c) => [
  () => {
    const axis = wrap(intAttribute(c.node, 'axis', 0), c.dims(0).length);
    const pieces = c.node.outputs.map((_, i) => c.gradient(i) ?? zeros(c.b, c.type(0), c.yDims(i)));
    return pieces.length === 1 ? (pieces[0] as string) : c.b.op('Concat', pieces, { axis });
  },
  null,
];

export const shapeRules: readonly RuleLine[] = [
  ['Reshape', 7, NEWEST_OPSET, reshaped],
  ['Flatten', 7, NEWEST_OPSET, reshaped],
  ['Squeeze', 7, NEWEST_OPSET, reshaped],
  ['Unsqueeze', 7, NEWEST_OPSET, reshaped],
  ['Identity', 7, NEWEST_OPSET, identity],
  ['Cast', 7, NEWEST_OPSET, castRule],
  ['Expand', 8, NEWEST_OPSET, expandRule],
  ['Transpose', 7, NEWEST_OPSET, transpose],
  ['Concat', 7, NEWEST_OPSET, concat],
  ['Slice', 7, NEWEST_OPSET, sliceRule],
  ['Split', 7, NEWEST_OPSET, splitRule],
  ['Where', 9, NEWEST_OPSET, where],
];
