import { float, NEWEST_OPSET } from '../../../../../src/onnx/index.js';
import { type Case, unary } from '../../../../support/gradients.js';

const epsilon = float(1e-2);
const instance = (x: readonly number[]): Case =>
  unary('InstanceNormalization', {
    name: `InstanceNormalization [${x}]`,
    inputs: [x, [x[1] as number], [x[1] as number]],
    attributes: { epsilon },
    opsets: [7, NEWEST_OPSET],
  });
/** Before opset 21 a scale for every group, since then for every channel. */
const group = (x: readonly number[], num_groups: number): readonly Case[] =>
  (
    [
      ['group', num_groups, [18, 20]],
      ['channel', x[1] as number, [21, NEWEST_OPSET]],
    ] as const
  ).map(([per, size, opsets]) =>
    unary('GroupNormalization', {
      name: `GroupNormalization [${x}] in ${num_groups} groups, a scale per ${per}`,
      inputs: [x, [size], [size]],
      attributes: { num_groups, epsilon },
      opsets,
      // Since opset 21 statistics are computed in float32 unless told otherwise.
      ...(per === 'channel' ? { dataType: 'float32' } : {}),
    }),
  );
const rms = (x: readonly number[], axis: number): Case =>
  unary('RMSNormalization', {
    name: `RMSNormalization [${x}] axis ${axis}`,
    inputs: [x, x.slice(axis)],
    attributes: { axis, epsilon },
    opsets: [23, NEWEST_OPSET],
  });

export const groupNormalisationCases: readonly Case[] = [
  instance([2, 3, 4]),
  instance([2, 2, 3, 2]),
  instance([1, 2, 2, 2, 3]),
  ...group([2, 4, 3], 2),
  ...group([1, 6, 2, 3], 3),
  ...group([2, 3, 4], 3),
  ...group([2, 3, 4], 1),
  rms([2, 5], -1),
  rms([2, 3, 4], -1),
  rms([2, 3, 4], 1),
];
