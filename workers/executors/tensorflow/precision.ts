import { TF } from './addon.js';

/** Products, which is where the time goes, and where a device has units for bfloat16 that add up in float32. */
const PRODUCTS = new Set(['Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter', 'MatMul', 'BatchMatMulV2']);
/** What rounds nothing, or once, and so goes on in bfloat16 where all that it reads lies so. */
const FOLLOWING = new Set(['AddV2', 'Identity', 'Relu', 'Relu6', 'ReluGrad', 'Relu6Grad', 'Reshape', 'Transpose']);

/**
 * Whether a kernel of a mixed graph takes its float32 inputs as bfloat16; `low` tells which of them lie so. Everything else,
 * sums, statistics, softmax and loss among it, is computed in float32, and so is every depthwise convolution: TensorFlow's
 * kernels for processors add up their weight gradient, and that of a bias, in bfloat16, which leaves no digit right. Numbers
 * have the range of float32, so the loss is not scaled.
 */
export function inBfloat16(kernel: string, low: readonly boolean[]): boolean {
  if (PRODUCTS.has(kernel)) return true;
  if (kernel === 'BiasAdd') return low[0] === true;
  return FOLLOWING.has(kernel) && low.length > 0 && low.every(Boolean);
}

/** Attributes of the kernel Cast. */
export const CAST = {
  float32: { DstT: TF.float, Truncate: false },
  bfloat16: { DstT: TF.bfloat16, Truncate: false },
} as const;
