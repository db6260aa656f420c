import { float, NEWEST_OPSET } from '../../../../../src/onnx/index.js';
import { type Case, unary } from '../../../../support/gradients.js';

/** Variances are positive. */
const variance = (x: number, i: number): number => (i === 4 ? 1.3 + x : x);
const batchNorm = (x: readonly number[]): Case =>
  unary('BatchNormalization', {
    name: `BatchNormalization [${x}]`,
    inputs: [x, [3], [3], [3], [3]],
    attributes: { epsilon: float(1e-3) },
    domain: variance,
    opsets: [7, 9, 14, 15, NEWEST_OPSET],
  });
const trainingForm = (x: readonly number[]): Case => ({
  ...batchNorm(x),
  name: `BatchNormalization [${x}] in training form`,
  attributes: { epsilon: float(1e-3), training_mode: 1 },
  opsets: [14, 15, NEWEST_OPSET],
  frozen: [3, 4],
  outputs: 3,
});
const layerNorm = (x: readonly number[], axis: number, bias: boolean): Case => {
  const scale = x.slice(axis);
  return unary('LayerNormalization', {
    name: `LayerNormalization [${x}] axis ${axis}${bias ? '' : ', no bias'}`,
    inputs: bias ? [x, scale, scale] : [x, scale],
    attributes: { axis, epsilon: float(1e-3) },
    opsets: [17, NEWEST_OPSET],
  });
};
const BATCHES = [
  [2, 3],
  [2, 3, 4],
  [2, 3, 2, 3],
  [1, 3, 2, 2, 2],
];

export const normalisationCases: readonly Case[] = [
  layerNorm([2, 5], -1, true),
  layerNorm([2, 3, 4], -1, false),
  layerNorm([2, 3, 4], 1, true),
  ...BATCHES.map(batchNorm),
  ...BATCHES.map(trainingForm),
];
