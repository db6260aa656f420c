import { NEWEST_OPSET } from '../../../../src/onnx/index.js';
import { typeNumber } from '../device.js';
import type { Op, Operator } from '../op.js';
import type { Value } from '../recorder.js';
import { beside, elementwise } from './align.js';
import type { OperatorLine } from './line.js';

const FLOATS = new Set(['float32', 'float64', 'float16', 'bfloat16']);
const isFloat = (v: Value): boolean => FLOATS.has(v.type);

/** One kernel of one tensor, in whatever order it lies. */
export const same = (c: Op, kernel: string, v: Value, attributes = {}): Value =>
  c.value(c.call(kernel, [v.raw], attributes), v.order);
export const castTo = (c: Op, v: Value, type: Value['type']): Value =>
  v.type === type ? v : same(c, 'Cast', v, { DstT: typeNumber(type), Truncate: false });

const unary =
  (kernel: string): Operator =>
  (c) =>
    same(c, kernel, c.x(0));
const binary =
  (kernel: string): Operator =>
  (c) =>
    elementwise(c, kernel, [c.x(0), c.x(1)]);
/** Any number of inputs, two at a time. */
const folded =
  (kernel: string): Operator =>
  (c) => {
    const all = Array.from({ length: c.count }, (_, i) => c.x(i));
    return all.reduce((a, v) => elementwise(c, kernel, [a, v]));
  };

/** Whole numbers are divided towards zero. */
const div: Operator = (c) => elementwise(c, isFloat(c.x(0)) ? 'RealDiv' : 'TruncateDiv', [c.x(0), c.x(1)]);
/** `fmod` takes the dividend's sign (C's fmod), else the result takes the divisor's. */
const mod: Operator = (c) => {
  const like = c.int('fmod', 0) !== 0;
  const kernel = isFloat(c.x(0)) ? (like ? 'Mod' : 'FloorMod') : like ? 'TruncateMod' : 'FloorMod';
  return elementwise(c, kernel, [c.x(0), c.x(1)]);
};
/** The result is of the base's type, whatever the exponent's. */
const pow: Operator = (c) => {
  const [x, y] = [c.x(0), c.x(1)];
  if (y.raw.constant && isFloat(x) && y.dims.length <= x.dims.length) {
    const [exponent, ...others] = c.numbers(y);
    if (others.length === 0 && exponent === 2) return same(c, 'Square', x);
    if (others.length === 0 && exponent === 0.5) return same(c, 'Sqrt', x);
  }
  if (isFloat(x) || !isFloat(y)) return elementwise(c, 'Pow', [x, castTo(c, y, x.type)]);
  return castTo(c, elementwise(c, 'Pow', [castTo(c, x, y.type), y]), x.type);
};
const mean: Operator = (c) => {
  const sum = folded('AddV2')(c) as Value;
  return elementwise(c, 'RealDiv', [sum, beside(c, sum, c.count)]);
};
const cast: Operator = (c) => {
  const to = TYPE_BY_NUMBER[c.int('to', 0)];
  if (to === undefined || TYPE_BY_NUMBER.indexOf(c.x(0).type) < 0)
    throw c.unsupported(`casts to type ${c.int('to', 0)}`);
  return castTo(c, c.x(0), to);
};
const TYPE_BY_NUMBER: readonly (Value['type'] | undefined)[] = [
  ...([undefined, 'float32', 'uint8', 'int8', 'uint16', 'int16', 'int32', 'int64', undefined, 'bool'] as const),
  ...(['float16', 'float64', 'uint32', 'uint64', undefined, undefined, 'bfloat16'] as const),
];

/** Limits are attributes up to opset 10, then inputs that may be left out. */
const clip: Operator = (c) => {
  const x = c.x(0);
  const limit = (i: number, name: string): Value | null => {
    if (c.opset >= 11) return c.has(i) ? c.x(i) : null;
    return c.node.attributes.has(name) ? beside(c, x, c.float(name, 0)) : null;
  };
  const [least, most] = [limit(1, 'min'), limit(2, 'max')];
  const known = (v: Value | null): number | null => (v?.raw.constant ? (c.numbers(v)[0] ?? null) : null);
  if (x.type === 'float32' && known(least) === 0 && known(most) === 6) return same(c, 'Relu6', x);
  const above = least === null ? x : elementwise(c, 'Maximum', [x, least]);
  return most === null ? above : elementwise(c, 'Minimum', [above, most]);
};
const where: Operator = (c) => elementwise(c, 'SelectV2', [c.x(0), c.x(1), c.x(2)]);
const isInf: Operator = (c) => {
  const x = c.x(0);
  const [negative, positive] = [c.int('detect_negative', 1), c.int('detect_positive', 1)];
  const any = same(c, 'IsInf', x);
  if (negative && positive) return any;
  const sign = elementwise(c, positive ? 'Greater' : 'Less', [x, beside(c, x, 0)]);
  if (!negative && !positive) return elementwise(c, 'LogicalAnd', [any, same(c, 'LogicalNot', any)]);
  return elementwise(c, 'LogicalAnd', [any, sign]);
};
/** For training the mask would be random; as it is used here it does nothing. */
const dropout: Operator = (c) => {
  if (c.opset >= 12 && c.has(2) && c.numbers(c.x(2))[0] !== 0) throw c.unsupported('drops at random');
  const x = c.x(0);
  const mask = (): Value => c.value(c.constant('bool', x.dims, 1));
  return c.node.outputs.length > 1 ? [x, mask()] : x;
};
const identity: Operator = (c) => c.x(0);
const bitShift: Operator = (c) =>
  elementwise(c, c.string('direction', '') === 'LEFT' ? 'LeftShift' : 'RightShift', [c.x(0), c.x(1)]);

const UNARY: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    'Abs Neg Ceil Floor Sqrt Exp Log Sin Cos Tan Asin Acos Atan Sinh Cosh Tanh Asinh Acosh Atanh Erf Sigmoid Reciprocal Sign'
      .split(' ')
      .map((n) => [n, n]),
  ),
  // To the even neighbour at a half, as ONNX has it.
  Round: 'Rint',
  Not: 'LogicalNot',
  IsNaN: 'IsNan',
  BitwiseNot: 'Invert',
};
const BINARY: Readonly<Record<string, string>> = {
  Add: 'AddV2',
  Sub: 'Sub',
  Mul: 'Mul',
  Equal: 'Equal',
  Less: 'Less',
  Greater: 'Greater',
  LessOrEqual: 'LessEqual',
  GreaterOrEqual: 'GreaterEqual',
  And: 'LogicalAnd',
  Or: 'LogicalOr',
  Xor: 'NotEqual',
  BitwiseAnd: 'BitwiseAnd',
  BitwiseOr: 'BitwiseOr',
  BitwiseXor: 'BitwiseXor',
};

const N = NEWEST_OPSET;
export const elementwiseOperators: readonly OperatorLine[] = [
  ...Object.entries(UNARY).map(([op, kernel]): OperatorLine => [op, 7, N, unary(kernel)]),
  ...Object.entries(BINARY).map(([op, kernel]): OperatorLine => [op, 7, N, binary(kernel)]),
  ['Div', 7, N, div],
  ['Mod', 10, N, mod],
  ['Pow', 7, N, pow],
  ['Max', 8, N, folded('Maximum')],
  ['Min', 8, N, folded('Minimum')],
  ['Sum', 8, N, folded('AddV2')],
  ['Mean', 8, N, mean],
  ['Cast', 9, N, cast],
  ['Clip', 7, N, clip],
  ['Where', 9, N, where],
  ['IsInf', 10, N, isInf],
  ['Dropout', 7, N, dropout],
  ['Identity', 7, N, identity],
  ['CastLike', 15, N, (c) => castTo(c, c.x(0), c.x(1).type)],
  ['BitShift', 11, N, bitShift],
];
