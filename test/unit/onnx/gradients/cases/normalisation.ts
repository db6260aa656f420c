import { float, NEWEST_OPSET } from '../../../../../src/onnx/index.js';
import { type Case, unary } from '../../../../support/gradients.js';

const ALL = [7, 9, 14, 15, NEWEST_OPSET];
/** Variances are positive. */
const variance = (x: number, i: number): number => (i === 4 ? 1.3 + x : x);
const batchNorm = (x: readonly number[]): Case =>
  unary('BatchNormalization', {
    name: `BatchNormalization [${x}]`,
    inputs: [x, [3], [3], [3], [3]],
    attributes: { epsilon: float(1e-3) },
    domain: variance,
    opsets: ALL,
    frozen: [3, 4],
  });

export const normalisationCases: readonly Case[] = [
  [2, 3],
  [2, 3, 4],
  [2, 3, 2, 3],
  [1, 3, 2, 2, 2],
].map(batchNorm),
]
