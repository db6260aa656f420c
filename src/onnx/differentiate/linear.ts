import { floatAttribute, intAttribute } from '../attributes.js';
import type { GraphBuilder } from '../builder.js';
import { constant, product, reshape, sumTo } from '../emit.js';
import { NEWEST_OPSET } from '../opsets.js';
import { elements } from '../tensor.js';
import type { Rule, RuleContext, RuleLine } from './rule.js';

function scaled(c: RuleContext, x: string, by: number): string {
  return by === 1 ? x : c.b.op('Mul', [x, constant(c.b, c.type(0), by)]);
}

/** y = alpha a' b' + beta c; https://onnx.ai/onnx/operators/onnx__Gemm.html */
const gemm: Rule = (c) => {
  const transA = intAttribute(c.node, 'transA', 0) !== 0;
  const transB = intAttribute(c.node, 'transB', 0) !== 0;
  const alpha = floatAttribute(c.node, 'alpha', 1);
  const beta = floatAttribute(c.node, 'beta', 1);
  return [
    () => {
      const a = transA
        ? product(c.b, c.x(1), c.dy, { transX: transB, transY: true })
        : product(c.b, c.dy, c.x(1), { transY: !transB });
      return scaled(c, a, alpha);
    },
    () => {
      const b = transB
        ? product(c.b, c.dy, c.x(0), { transX: true, transY: transA })
        : product(c.b, c.x(0), c.dy, { transX: !transA });
      return scaled(c, b, alpha);
    },
    () => scaled(c, sumTo(c.b, c.dy, c.yDims(), c.dims(2)), beta),
  ];
};

/** numpy.matmul: leading dimensions broadcast, a vector is a row on the left and a column on the right. */
const matMul: Rule = (c) => {
  const { b } = c;
  const aDims = c.dims(0).length === 1 ? [1, ...c.dims(0)] : c.dims(0);
  const bDims = c.dims(1).length === 1 ? [...c.dims(1), 1] : c.dims(1);
  const rows = aDims.at(-2) as number;
  const inner = aDims.at(-1) as number;
  const columns = bDims.at(-1) as number;
  const lead = c.yDims().slice(0, c.yDims().length - (c.dims(0).length > 1 ? 1 : 0) - (c.dims(1).length > 1 ? 1 : 0));
  const as = (name: string, from: readonly number[], to: readonly number[]): string =>
    from.join() === to.join() ? name : reshape(b, name, to);
  const left = (): string => as(c.x(0), c.dims(0), aDims);
  const right = (): string => as(c.x(1), c.dims(1), bDims);
  const dyDims = [...lead, rows, columns];
  const dy = (): string => as(c.dy, c.yDims(), dyDims);
  return [
    () => {
      const full = [...lead, rows, inner];
      if (bDims.length === 2) {
        const flat = as(c.dy, c.yDims(), [elements(lead) * rows, columns]);
        return as(product(b, flat, right(), { transY: true }), [elements(lead) * rows, inner], c.dims(0));
      }
      const wide = b.op('MatMul', [dy(), transposed(b, right(), bDims.length)]);
      return as(sumTo(b, wide, full, aDims), aDims, c.dims(0));
    },
    () => {
      const full = [...lead, inner, columns];
      if (bDims.length === 2) {
        // All leading dimensions are rows of one product: no stack of partial weight gradients to sum.
        const flatA = as(c.x(0), c.dims(0), [elements(lead) * rows, inner]);
        const flatDy = as(c.dy, c.yDims(), [elements(lead) * rows, columns]);
        return as(product(b, flatA, flatDy, { transX: true }), bDims, c.dims(1));
      }
      const wide = b.op('MatMul', [transposed(b, left(), aDims.length), dy()]);
      return as(sumTo(b, wide, full, bDims), bDims, c.dims(1));
    },
  ];
};

function transposed(b: GraphBuilder, x: string, rank: number): string {
  const perm = Array.from({ length: rank }, (_, i) => i);
  perm.splice(rank - 2, 2, rank - 1, rank - 2);
  return b.op('Transpose', [x], { perm });
}

export const linearRules: readonly RuleLine[] = [
  ['Gemm', 7, NEWEST_OPSET, gemm],
  ['MatMul', 7, NEWEST_OPSET, matMul],
];
