import { floatAttribute, intAttribute } from '../attributes.js';
import { constant, reduceSum, reshape } from '../emit.js';
import { reducedAxes } from '../infer.js';
import { elements } from '../tensor.js';
import type { Node } from '../types.js';
import type { Rewrite } from './convolution.js';
import { activationBehind, BLOCKED_DOMAIN, firstOf, padTo, perChannel, type Tensors, whole } from './tensors.js';

/**
 * Sum of the products of two blocked tensors over every plane, [N, C, 1, 1]: a depthwise convolution of all planes with the other
 * tensor as the kernel, one pass over both and no product stored.
 */
function innerProduct(t: Tensors, x: string, y: string, [n, c, h, w]: readonly number[]): string {
  const count = (n as number) * whole(t, c as number);
  const input = reshape(t.b, x, [1, count, h as number, w as number]);
  const kernel = reshape(t.b, y, [count, 1, h as number, w as number]);
  return t.op('Conv', [input, kernel], { group: count, kernel_shape: [h as number, w as number] });
}

/** Over [2, 3] or [0, 2, 3]; else null. */
function axesOf(t: Tensors, node: Node): 'planes' | 'channels' | null {
  const axes = reducedAxes(node, 4, t.constant);
  const sorted = axes ? [...axes].sort().join() : '';
  return sorted === '2,3' ? 'planes' : sorted === '0,2,3' ? 'channels' : null;
}

/** Brings sums per plane into the form that the reduction has, and names them as its output. */
function finish(t: Tensors, node: Node, sums: string, dims: readonly number[], factor: number): void {
  const { b } = t;
  const [n, c] = dims as [number, number];
  const output = node.outputs[0] as string;
  const keep = intAttribute(node, 'keepdims', 1) !== 0;
  const channels = whole(t, c);
  const over = axesOf(t, node);
  const scaled = (x: string): string => (factor === 1 ? x : b.op('Mul', [x, constant(b, 'float32', factor)]));
  if (over === 'planes' && keep) {
    t.setBlocked(output, scaled(reshape(b, sums, [n, channels, 1, 1])));
    return;
  }
  const rows = reshape(b, sums, [n, channels]);
  const summed = over === 'channels' ? reduceSum(b, rows, [0], false) : rows;
  const cut = scaled(firstOf(t, summed, over === 'channels' ? 0 : 1, channels, c));
  const size = over === 'channels' ? (keep ? [1, c, 1, 1] : [c]) : [n, c];
  t.setPlain(output, keep ? reshape(b, cut, size) : cut);
}

/** Sums and means over places, by the pooling operator; sums of squares as inner products. */
export const reduction: Rewrite = (t, node) => {
  const x = node.inputs[0] as string;
  const dims = t.dims(x);
  if (dims?.length !== 4 || !t.isBlocked(x) || t.type(x) !== 'float32' || axesOf(t, node) === null) return false;
  const places = elements(dims.slice(2));
  if (node.opType === 'ReduceSumSquare') {
    finish(t, node, innerProduct(t, t.blocked(x), t.blocked(x), dims), dims, 1);
    return true;
  }
  const share = axesOf(t, node) === 'channels' ? 1 / (dims[0] as number) : 1;
  finish(t, node, t.op('GlobalAveragePool', [t.blocked(x)]), dims, node.opType === 'ReduceMean' ? share : places);
  return true;
};

/** A product that only a sum over places reads is never made. */
export const summedProduct: Rewrite = (t, node) => {
  const [x, y] = node.inputs as readonly [string, string];
  const readers = t.readers(node.outputs[0] as string);
  const sum = readers?.length === 1 ? readers[0] : undefined;
  const dims = t.dims(x);
  if (sum?.opType !== 'ReduceSum' || sum.domain !== '' || dims?.length !== 4 || t.dims(y)?.join() !== dims.join())
    return false;
  if (axesOf(t, sum) === null || !(t.isBlocked(x) || t.isBlocked(y)) || !t.canBlock(x) || !t.canBlock(y)) return false;
  finish(t, sum, innerProduct(t, t.blocked(x), t.blocked(y), dims), dims, 1);
  t.skip(sum);
  return true;
};

/** By given statistics: a number to multiply with and one to add per channel, as a depthwise kernel of one place. */
export const batchNormalization: Rewrite = (t, node) => {
  const { b } = t;
  const [x, scale, bias, mean, variance] = node.inputs as readonly [string, string, string, string, string];
  const dims = t.dims(x);
  if (dims?.length !== 4 || !t.isBlocked(x) || intAttribute(node, 'training_mode', 0) !== 0) return false;
  const c = dims[1] as number;
  const epsilon = constant(b, 'float32', floatAttribute(node, 'epsilon', 1e-5));
  const deviation = b.op('Sqrt', [b.op('Add', [t.plain(variance), epsilon])]);
  const slope = b.op('Div', [t.plain(scale), deviation]);
  const level = b.op('Sub', [t.plain(bias), b.op('Mul', [t.plain(mean), slope])]);
  const channels = whole(t, c);
  const fused = activationBehind(t, node.outputs[0] as string);
  const kernel = reshape(b, padTo(t, slope, [c], [channels]), [channels, 1, 1, 1]);
  const y = t.op('Conv', [t.blocked(x), kernel, perChannel(t, level, c)], {
    group: channels,
    kernel_shape: [1, 1],
    ...fused.attributes,
  });
  t.setBlocked(fused.output, y);
  return true;
};

/** Pooling of a blocked tensor; where the largest lie is not told there. */
export const pooling: Rewrite = (t, node) => {
  const x = node.inputs[0] as string;
  if (t.dims(node.outputs[0] as string) === null) return false;
  if (!t.isBlocked(x) || node.outputs.length > 1 || intAttribute(node, 'storage_order', 0) !== 0) return false;
  const y = t.b.op(node.opType, [t.blocked(x)], Object.fromEntries(node.attributes), { domain: BLOCKED_DOMAIN });
  t.setBlocked(node.outputs[0] as string, y);
  return true;
};
