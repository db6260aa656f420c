import { elements, NEWEST_OPSET } from '../../../../src/onnx/index.js';
import { typeNumber } from '../device.js';
import type { Op, Operator } from '../op.js';
import { type Order, plainOrder, sameOrder } from '../order.js';
import type { Raw, Value } from '../recorder.js';
import { beside, elementwise } from './align.js';
import type { OperatorLine } from './line.js';

/** The last two axes changed places: a product takes that as a flag. */
const turned = (rank: number): Order => [...plainOrder(rank - 2), rank - 1, rank - 2];
function factor(c: Op, v: Value): { raw: Raw; turn: boolean } {
  const turn = sameOrder(v.order, turned(v.dims.length));
  return { raw: turn ? v.raw : c.plain(v), turn };
}

/** Vectors count as matrices of one row or column, whose axis goes again. */
const matMul: Operator = (c) => {
  const asMatrix = (v: Value, row: boolean): Value =>
    v.dims.length > 1 ? v : c.value(c.call('Reshape', [v.raw, c.sizes(row ? [1, ...v.dims] : [...v.dims, 1])]));
  const [a, b] = [asMatrix(c.x(0), true), asMatrix(c.x(1), false)];
  const product = multiplied(c, a, b);
  if (a === c.x(0) && b === c.x(1)) return product;
  const dims = [...product.dims];
  if (b !== c.x(1)) dims.pop();
  if (a !== c.x(0)) dims.splice(b === c.x(1) ? -2 : -1, 1);
  return c.value(c.call('Reshape', [c.plain(product), c.sizes(dims)]));
};

function multiplied(c: Op, a: Value, b: Value): Value {
  const [x, y] = [factor(c, a), factor(c, b)];
  if (a.dims.length === 2 && b.dims.length === 2)
    return c.value(c.call('MatMul', [x.raw, y.raw], { transpose_a: x.turn, transpose_b: y.turn }));
  // Rows of many matrices times one matrix are one product of all rows.
  if (b.dims.length === 2 && !x.turn) {
    const rows = c.call('Reshape', [x.raw, c.sizes([elements(a.dims.slice(0, -1)), a.dims.at(-1)!])]);
    const product = c.call('MatMul', [rows, y.raw], { transpose_a: false, transpose_b: y.turn });
    return c.value(c.call('Reshape', [product, c.sizes([...a.dims.slice(0, -1), b.dims[1]!])]));
  }
  return c.value(c.call('BatchMatMulV2', [x.raw, y.raw], { adj_x: x.turn, adj_y: y.turn }));
}

/** alpha op(A) op(B) + beta C */
const gemm: Operator = (c) => {
  const [x, y] = [factor(c, c.x(0)), factor(c, c.x(1))];
  const flags = {
    transpose_a: x.turn !== (c.int('transA', 0) !== 0),
    transpose_b: y.turn !== (c.int('transB', 0) !== 0),
  };
  const product = c.value(c.call('MatMul', [x.raw, y.raw], flags));
  const alpha = c.float('alpha', 1);
  const scaled = alpha === 1 ? product : elementwise(c, 'Mul', [product, beside(c, product, alpha)]);
  const beta = c.float('beta', 1);
  if (!c.has(2) || beta === 0) return scaled;
  const term = beta === 1 ? c.x(2) : elementwise(c, 'Mul', [c.x(2), beside(c, c.x(2), beta)]);
  if (term.dims.length === 1 && term.dims[0] === scaled.dims[1] && term.type === 'float32')
    return c.value(c.call('BiasAdd', [scaled.raw, term.raw], { data_format: 'NHWC' }));
  return elementwise(c, 'AddV2', [scaled, term]);
};

/** TensorFlow wants the right side said, which ONNX lets out: then it is the letters that stand once, in their order. */
const einsum: Operator = (c) => {
  const given = c.string('equation', '').replaceAll(' ', '');
  const [left = '', right] = given.split('->');
  const letters = [...left.replaceAll('...', '').replaceAll(',', '')].sort();
  const once = letters.filter((l) => letters.indexOf(l) === letters.lastIndexOf(l)).join('');
  const equation = right === undefined ? `${left}->${left.includes('...') ? '...' : ''}${once}` : given;
  const inputs = Array.from({ length: c.count }, (_, i) => c.plain(c.x(i)));
  return c.value(c.call('Einsum', inputs, { N: inputs.length, T: typeNumber(c.x(0).type), equation }));
};

const N = NEWEST_OPSET;
export const linearOperators: readonly OperatorLine[] = [
  ['MatMul', 7, N, matMul],
  ['Gemm', 7, N, gemm],
  ['Einsum', 12, N, einsum],
];
