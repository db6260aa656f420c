import { floatAttribute } from '../attributes.js';
import { cast, constant, keepWhere } from '../emit.js';
import { NEWEST_OPSET } from '../opsets.js';
import type { Rule, RuleContext, RuleLine } from './rule.js';

/** Rules of one input, written as dy times a slope. */
const slope =
  (of: (f: Formula) => string): Rule =>
  (c) => [() => c.b.op('Mul', [c.dy, of(formula(c))])];

interface Formula {
  readonly c: RuleContext;
  readonly x: string;
  add(a: string, b: string | number): string;
  sub(a: string | number, b: string): string;
  mul(a: string, b: string | number): string;
  div(a: string | number, b: string): string;
  op(opType: string, ...inputs: readonly string[]): string;
  attribute(name: string, otherwise: number): number;
  /** 1 where x is above (below) the number, else 0. */
  above(limit: number): string;
  below(limit: number): string;
}
function formula(c: RuleContext): Formula {
  const { b } = c;
  const type = c.type(0);
  const value = (v: string | number): string => (typeof v === 'number' ? constant(b, type, v) : v);
  const two = (op: string) => (x: string | number, y: string | number) => b.op(op, [value(x), value(y)]);
  return {
    c,
    x: c.x(0),
    add: two('Add'),
    sub: two('Sub'),
    mul: two('Mul'),
    div: two('Div'),
    op: (opType, ...inputs) => b.op(opType, inputs),
    attribute: (name, otherwise) => floatAttribute(c.node, name, otherwise),
    above: (limit) => cast(b, b.op('Greater', [c.x(0), value(limit)]), type),
    below: (limit) => cast(b, b.op('Less', [c.x(0), value(limit)]), type),
  };
}

/** `up` above 0, else `down`. */
const sides = (f: Formula, up: number, down: string): string => {
  const left = keepWhere(
    f.c.b,
    f.c.b.op('Not', [f.op('Greater', f.x, constant(f.c.b, f.c.type(0), 0))]),
    down,
    f.c.type(0),
  );
  return f.add(left, f.mul(f.above(0), up));
};

/** gamma (alpha exp(x) - alpha) up to 0, gamma x above: https://onnx.ai/onnx/operators/onnx__Selu.html */
const selu = slope((f) => {
  const gamma = f.attribute('gamma', 1.0507010221481323);
  return sides(f, gamma, f.add(f.c.y(), gamma * f.attribute('alpha', 1.6732631921768188)));
});
/** alpha (exp(x / alpha) - 1) up to 0, x above. */
const celu = slope((f) => sides(f, 1, f.add(f.mul(f.c.y(), 1 / f.attribute('alpha', 1)), 1)));
/** x / (1 + |x|) */
const softsign = slope((f) => {
  const rest = f.add(f.op('Abs', f.x), 1);
  return f.div(1, f.mul(rest, rest));
});
/** x s with s = sigmoid(alpha x): s + alpha y (1 - s) */
const swish = slope((f) => {
  const alpha = f.attribute('alpha', 1);
  const s = f.op('Sigmoid', alpha === 1 ? f.x : f.mul(f.x, alpha));
  return f.add(s, f.mul(f.mul(f.c.y(), f.sub(1, s)), alpha));
});
/** x t with t = tanh(softplus(x)): t + x (1 - t²) sigmoid(x) */
const mish = slope((f) => {
  const t = f.op('Tanh', f.op('Softplus', f.x));
  return f.add(t, f.mul(f.mul(f.x, f.sub(1, f.mul(t, t))), f.op('Sigmoid', f.x)));
});
const thresholdedRelu = slope((f) => f.above(f.attribute('alpha', 1)));
/** 0 from -lambd to lambd, of slope 1 beyond. */
const shrink = slope((f) => {
  const limit = f.attribute('lambd', 0.5);
  return f.add(f.above(limit), f.below(-limit));
});

const tan = slope((f) => f.add(f.mul(f.c.y(), f.c.y()), 1));
const sinh = slope((f) => f.op('Cosh', f.x));
const cosh = slope((f) => f.op('Sinh', f.x));
/** 1 / sqrt(1 - x²) */
const inverseRoot = (f: Formula): string => f.div(1, f.op('Sqrt', f.sub(1, f.mul(f.x, f.x))));
const asin = slope(inverseRoot);
const acos = slope((f) => f.op('Neg', inverseRoot(f)));
const atan = slope((f) => f.div(1, f.add(f.mul(f.x, f.x), 1)));
const asinh = slope((f) => f.div(1, f.op('Sqrt', f.add(f.mul(f.x, f.x), 1))));
const acosh = slope((f) => f.div(1, f.op('Sqrt', f.add(f.mul(f.x, f.x), -1))));
const atanh = slope((f) => f.div(1, f.sub(1, f.mul(f.x, f.x))));

export const curveRules: readonly RuleLine[] = [
  ['Selu', 7, NEWEST_OPSET, selu],
  ['Celu', 12, NEWEST_OPSET, celu],
  ['Softsign', 7, NEWEST_OPSET, softsign],
  ['Swish', 24, NEWEST_OPSET, swish],
  ['Mish', 18, NEWEST_OPSET, mish],
  ['ThresholdedRelu', 10, NEWEST_OPSET, thresholdedRelu],
  ['Shrink', 9, NEWEST_OPSET, shrink],
  ['Tan', 7, NEWEST_OPSET, tan],
  ['Asin', 7, NEWEST_OPSET, asin],
  ['Acos', 7, NEWEST_OPSET, acos],
  ['Atan', 7, NEWEST_OPSET, atan],
  ['Sinh', 9, NEWEST_OPSET, sinh],
  ['Cosh', 9, NEWEST_OPSET, cosh],
  ['Asinh', 9, NEWEST_OPSET, asinh],
  ['Acosh', 9, NEWEST_OPSET, acosh],
  ['Atanh', 9, NEWEST_OPSET, atanh],
];
