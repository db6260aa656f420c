import { intAttribute } from '../attributes.js';
import { cast, oneHot, reduceSum, reshape, unsqueeze, zeros } from '../emit.js';
import { OnnxError } from '../error.js';
import { NEWEST_OPSET } from '../opsets.js';
import { elements } from '../tensor.js';
import { wrap } from './axes.js';
import type { Rule, RuleLine } from './rule.js';
import { type AddedRows, addedRows, floatType } from './scatter.js';

/** Rows taken twice get both gradients, which `added` sums up. */
export const gatherBy =
  (added: AddedRows): Rule =>
  (c) => [
    () => {
      const { b } = c;
      const dims = c.dims(0);
      const axis = wrap(intAttribute(c.node, 'axis', 0), dims.length);
      const size = dims[axis] as number;
      const outer = elements(dims.slice(0, axis));
      const inner = elements(dims.slice(axis + 1));
      const n = elements(c.dims(1));
      let rows = reshape(b, c.dy, [outer, n, inner]);
      rows =
        outer === 1
          ? reshape(b, rows, [n, inner])
          : reshape(b, b.op('Transpose', [rows], { perm: [1, 0, 2] }), [n, outer * inner]);
      const type = floatType(c);
      const flat = reshape(b, c.x(1), [n]);
      const indices = c.type(1) === 'int64' ? flat : cast(b, flat, 'int64');
      const summed = added(b, type, indices, rows, { n, size, width: outer * inner });
      if (outer === 1) return dims.length === 2 ? summed : reshape(b, summed, dims);
      return reshape(b, b.op('Transpose', [reshape(b, summed, [size, outer, inner])], { perm: [1, 0, 2] }), dims);
    },
    null,
  ];

/** As Gather, element by element: ScatterElements from opset 16, one-hot before (then sizes beside the axis must agree). */
const gatherElements: Rule = (c) => [
  () => {
    const { b } = c;
    const dims = c.dims(0);
    const axis = wrap(intAttribute(c.node, 'axis', 0), dims.length);
    const type = floatType(c);
    if (b.opset >= 16) return b.op('ScatterElements', [zeros(b, type, dims), c.x(1), c.dy], { axis, reduction: 'add' });
    if (dims.some((d, i) => i !== axis && d !== c.dims(1)[i]))
      throw new OnnxError(
        'operator-not-differentiable',
        `GatherElements '${c.node.name}' takes part of an axis beside its own; this needs opset 16.`,
      );
    const rank = dims.length;
    const hot = oneHot(b, c.x(1), dims[axis] as number, type);
    const taken = reduceSum(b, b.op('Mul', [hot, unsqueeze(b, c.dy, [rank])]), [axis], false);
    // [..., (axis gone), ..., size]: the last dimension goes back to the axis.
    const perm = Array.from({ length: rank }, (_, i) => (i < axis ? i : i === axis ? rank - 1 : i - 1));
    return b.op('Transpose', [taken], { perm });
  },
  null,
];

export const gatherRules: readonly RuleLine[] = [
  ['Gather', 7, NEWEST_OPSET, gatherBy(addedRows)],
  ['GatherElements', 11, NEWEST_OPSET, gatherElements],
];
