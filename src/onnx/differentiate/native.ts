import { intsAttribute } from '../attributes.js';
import { GRAFT_DOMAIN } from '../graft-domain.js';
import { LIVE } from '../live-batch-norm.js';
import { gatherBy } from './gather.js';
import { maxPoolByTaps } from './pooling.js';
import type { Rule, RuleContext } from './rule.js';
import type { AddedRows } from './scatter.js';

/**
 * Gradients that an engine has kernels of its own for, as operators of the domain `graft`, in place of the standard forms.
 * What a kernel does not cover falls back to the form.
 */
const gradient = (c: RuleContext, opType: string, inputs: readonly string[]): string =>
  c.b.op(opType, inputs, Object.fromEntries(c.node.attributes), { domain: GRAFT_DOMAIN });

/** (dy, y) -> dx: the output tells as well as the input which elements passed, and the input need not be kept. */
const relu =
  (standard: Rule): Rule =>
  (c) =>
    c.type(0) === 'float32' ? [() => gradient(c, 'ReluGradient', [c.dy, c.y()])] : standard(c);

/** Limits 0 and 6 have a kernel. */
const clip =
  (standard: Rule): Rule =>
  (c) => {
    const constant = (i: number): number | null => (c.has(i) && c.isConstant(i) ? (c.constant(i)[0] ?? null) : null);
    const attribute = (name: string): number | null => {
      const a = c.node.attributes.get(name);
      return a?.type === 'float' ? a.value : null;
    };
    const [low, high] = c.opset < 11 ? [attribute('min'), attribute('max')] : [constant(1), constant(2)];
    if (c.type(0) !== 'float32' || low !== 0 || high !== 6) return standard(c);
    return [() => c.b.op('Relu6Gradient', [c.dy, c.y()], {}, { domain: GRAFT_DOMAIN }), null, null];
  };

/** (y, dy) -> dx */
const fromOutput =
  (opType: string) =>
  (standard: Rule): Rule =>
  (c) =>
    c.type(0) === 'float32' ? [() => gradient(c, opType, [c.y(), c.dy])] : standard(c);

/** (x, y, dy) -> dx, with MaxPool's attributes. An engine with this kernel need not tell where the largest lie. */
const maxPool =
  (_standard: Rule): Rule =>
  (c) => {
    const gaps = intsAttribute(c.node, 'dilations')?.some((d) => d > 1) ?? false;
    if (c.type(0) !== 'float32' || gaps || c.dims(0).length > 4) return maxPoolByTaps(c);
    return [() => gradient(c, 'MaxPoolGradient', [c.x(0), c.y(), c.dy])];
  };

/** (dy, x, scale, mean, variance) -> (dx, dscale, dbias) */
const liveBatchNormalization =
  (standard: Rule): Rule =>
  (c) => {
    if (c.type(0) !== 'float32') return standard(c);
    const inputs = [c.dy, c.x(0), c.x(1), c.y(1), c.y(2)];
    const made = c.b.ops('BatchNormalizationGradient', inputs, Object.fromEntries(c.node.attributes), {
      domain: GRAFT_DOMAIN,
      outputs: 3,
    });
    return made.map((name) => () => name);
  };

/** (rows, indices) -> sums, however often a row repeats; nothing of the table's size but the sums is made. */
const segmentSum: AddedRows = (b, _type, indices, rows, { size }) =>
  b.op('SegmentSum', [rows, indices], { size }, { domain: GRAFT_DOMAIN });

export const NATIVE: ReadonlyMap<string, (standard: Rule) => Rule> = new Map([
  ['Relu', relu],
  ['Clip', clip],
  ['Sigmoid', fromOutput('SigmoidGradient')],
  ['Tanh', fromOutput('TanhGradient')],
  ['MaxPool', maxPool],
  ['Gather', () => gatherBy(segmentSum)],
  [`${GRAFT_DOMAIN}:${LIVE}`, liveBatchNormalization],
]);
