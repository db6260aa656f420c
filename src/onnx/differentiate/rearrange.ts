import { intAttribute, stringAttribute } from '../attributes.js';
import { reduceSum, reshape } from '../emit.js';
import { NEWEST_OPSET } from '../opsets.js';
import type { Rule, RuleLine } from './rule.js';

/** The sum over the copies. */
const tile: Rule = (c) => [
  () => {
    const dims = c.dims(0);
    const copies = dims.map((d, i) => (d === 0 ? 1 : (c.yDims()[i] as number) / d));
    const split: number[] = [];
    const axes: number[] = [];
    dims.forEach((d, i) => {
      if (copies[i] !== 1) axes.push(split.push(copies[i] as number) - 1);
      split.push(d);
    });
    return axes.length === 0 ? c.dy : reduceSum(c.b, reshape(c.b, c.dy, split), axes, false);
  },
  null,
];

/** Blocks [.., h * s, w * s] back to channels, which were taken apart as (place, channel) or, in mode CRD, (channel, place). */
const depthToSpace: Rule = (c) => [
  () => {
    const s = intAttribute(c.node, 'blocksize', 1);
    if (stringAttribute(c.node, 'mode', 'DCR') !== 'CRD') return c.b.op('SpaceToDepth', [c.dy], { blocksize: s });
    const [n, , h, w] = c.dims(0) as [number, number, number, number];
    const split = reshape(c.b, c.dy, [n, c.yDims()[1] as number, h, s, w, s]);
    return reshape(c.b, c.b.op('Transpose', [split], { perm: [0, 1, 3, 5, 2, 4] }), c.dims(0));
  },
];
const spaceToDepth: Rule = (c) => [
  () => c.b.op('DepthToSpace', [c.dy], { blocksize: intAttribute(c.node, 'blocksize', 1) }),
];

/** The same triangle. */
const trilu: Rule = (c) => [
  () => c.b.op('Trilu', c.has(1) ? [c.dy, c.x(1)] : [c.dy], { upper: intAttribute(c.node, 'upper', 1) }),
  null,
];

/** Summed from the other end. */
const cumSum: Rule = (c) => [
  () =>
    c.b.op('CumSum', [c.dy, c.x(1)], {
      exclusive: intAttribute(c.node, 'exclusive', 0),
      reverse: 1 - intAttribute(c.node, 'reverse', 0),
    }),
  null,
];

export const rearrangeRules: readonly RuleLine[] = [
  ['Tile', 7, NEWEST_OPSET, tile],
  ['DepthToSpace', 7, NEWEST_OPSET, depthToSpace],
  ['SpaceToDepth', 7, NEWEST_OPSET, spaceToDepth],
  ['Trilu', 14, NEWEST_OPSET, trilu],
  ['CumSum', 11, NEWEST_OPSET, cumSum],
];
