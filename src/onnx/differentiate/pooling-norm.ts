import { intAttribute } from '../attributes.js';
import { cast, constant, reshape, sign } from '../emit.js';
import { NEWEST_OPSET } from '../opsets.js';
import { equal } from './compare.js';
import { windowOf } from './convolution-window.js';
import { kernelOf, planes, putBack } from './pooling.js';
import type { Rule, RuleContext, RuleLine } from './rule.js';

/** dy y^(1 - p), 0 where a window holds nothing but zeros. */
function perWindow(c: RuleContext, p: number): string {
  const { b } = c;
  const type = c.type(0);
  const none = cast(b, equal(b, c.y(), constant(b, type, 0)), type);
  const lengths = b.op('Add', [c.y(), none]);
  const kept = b.op('Mul', [c.dy, b.op('Sub', [constant(b, type, 1), none])]);
  return p === 1 ? kept : b.op('Div', [kept, b.op('Pow', [lengths, constant(b, type, p - 1)])]);
}
/** sign(x) |x|^(p - 1) */
function perPlace(c: RuleContext, p: number): string {
  const { b } = c;
  if (p === 2) return c.x(0);
  const direction = sign(b, c.x(0), c.type(0));
  const power = (): string => b.op('Pow', [b.op('Abs', [c.x(0)]), constant(b, c.type(0), p - 1)]);
  return p === 1 ? direction : b.op('Mul', [direction, power()]);
}

/** y = (sum of |x|^p)^(1/p) over a window: dx = sign(x) |x|^(p - 1) times the sum of dy y^(1 - p) over the windows it lies in. */
const lpPool: Rule = (c) => [
  () => {
    const p = intAttribute(c.node, 'p', 2);
    const kernel = kernelOf(c);
    const w = windowOf(c, kernel);
    const shares = reshape(c.b, perWindow(c, p), [planes(c), 1, ...w.output]);
    return c.b.op('Mul', [perPlace(c, p), putBack(c, w, shares, constant(c.b, c.type(0), 1, [1, 1, ...kernel]))]);
  },
];
const globalLpPool: Rule = (c) => [
  () => {
    const p = intAttribute(c.node, 'p', 2);
    return c.b.op('Mul', [perPlace(c, p), perWindow(c, p)]);
  },
];

export const normPoolingRules: readonly RuleLine[] = [
  ['LpPool', 7, NEWEST_OPSET, lpPool],
  // onnxruntime 1.30 has no kernel from opset 22 on.
  ['GlobalLpPool', 7, 21, globalLpPool],
];
