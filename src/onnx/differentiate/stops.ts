import { NEWEST_OPSET } from '../opsets.js';
import type { Rule, RuleLine } from './rule.js';

/** Steps and random numbers: the derivative is 0 wherever there is one, so nothing below learns through them. */
export const stop: Rule = (c) => c.node.inputs.map(() => null);

export const stopRules: readonly RuleLine[] = [
  ['Round', 11, NEWEST_OPSET, stop],
  ['Floor', 7, NEWEST_OPSET, stop],
  ['Ceil', 7, NEWEST_OPSET, stop],
  ['Sign', 9, NEWEST_OPSET, stop],
  ['Hardmax', 7, NEWEST_OPSET, stop],
  ['EyeLike', 9, NEWEST_OPSET, stop],
  ['RandomNormalLike', 7, NEWEST_OPSET, stop],
  ['RandomUniformLike', 7, NEWEST_OPSET, stop],
  ['Bernoulli', 15, NEWEST_OPSET, stop],
];
