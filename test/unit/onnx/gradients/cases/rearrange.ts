import { float, type GraphBuilder, NEWEST_OPSET, tensor } from '../../../../../src/onnx/index.js';
import { type Case, ints, scalar, unary } from '../../../../support/gradients.js';

const whole = (b: GraphBuilder, value: number): string => b.constant(tensor('', 'int64', [], [value]));
const tile = (x: readonly number[], repeats: readonly number[]): Case =>
  unary('Tile', {
    name: `Tile [${x}] by [${repeats}]`,
    inputs: [x],
    constants: (b) => [ints(b, repeats)],
    opsets: [7, NEWEST_OPSET],
  });
const pad = (mode: string, x: readonly number[], pads: readonly number[], since = 7): readonly Case[] => [
  ...(since < 11
    ? [
        unary('Pad', {
          name: `Pad ${mode} [${x}] by [${pads}], an attribute`,
          inputs: [x],
          attributes: { mode, pads },
          opsets: [7, 10],
        }),
      ]
    : []),
  unary('Pad', {
    name: `Pad ${mode} [${x}] by [${pads}]`,
    inputs: [x],
    attributes: { mode },
    constants: (b) => [ints(b, pads)],
    opsets: [Math.max(11, since), NEWEST_OPSET],
  }),
];
const SUMS = [{}, { exclusive: 1 }, { reverse: 1 }, { exclusive: 1, reverse: 1 }] as readonly {
  readonly [name: string]: number;
}[];

export const rearrangeCases: readonly Case[] = [
  tile([2, 3], [2, 1]),
  tile([2, 3], [2, 3]),
  tile([2, 1, 3], [1, 4, 2]),
  tile([3], [1]),
  unary('DepthToSpace', { inputs: [[2, 8, 2, 3]], attributes: { blocksize: 2 }, opsets: [7, NEWEST_OPSET] }),
  ...['DCR', 'CRD'].map((mode) =>
    unary('DepthToSpace', {
      name: `DepthToSpace ${mode}`,
      inputs: [[1, 9, 2, 3]],
      attributes: { blocksize: 3, mode },
      opsets: [11, NEWEST_OPSET],
    }),
  ),
  unary('SpaceToDepth', { inputs: [[2, 2, 4, 6]], attributes: { blocksize: 2 }, opsets: [7, NEWEST_OPSET] }),
  unary('Trilu', { inputs: [[2, 3, 4]], opsets: [14, NEWEST_OPSET] }),
  ...[-1, 0, 1].map((k) =>
    unary('Trilu', {
      name: `Trilu below ${k}`,
      inputs: [[4, 3]],
      attributes: { upper: 0 },
      constants: (b) => [whole(b, k)],
      opsets: [14, NEWEST_OPSET],
    }),
  ),
  ...SUMS.flatMap((attributes) =>
    [0, -1].map((axis) =>
      unary('CumSum', {
        name: `CumSum axis ${axis} ${JSON.stringify(attributes)}`,
        inputs: [[3, 4]],
        attributes,
        constants: (b) => [whole(b, axis)],
        opsets: [11, NEWEST_OPSET],
      }),
    ),
  ),
  unary('Pad', {
    name: 'Pad with a number, an attribute',
    inputs: [[2, 3]],
    attributes: { pads: [1, 0, 2, 1], value: float(0.5) },
    opsets: [7, 10],
  }),
  unary('Pad', {
    name: 'Pad with a number that is trained',
    inputs: [[2, 3], []],
    before: (b, [x, value]) => [x as string, ints(b, [1, 0, -1, 2]), value as string],
    opsets: [11, NEWEST_OPSET],
  }),
  unary('Pad', {
    name: 'Pad edge of some axes',
    inputs: [[2, 3, 2]],
    attributes: { mode: 'edge' },
    constants: (b, type) => [ints(b, [1, 2, 0, 1]), scalar(b, 0, type), ints(b, [-1, 0])],
    opsets: [18, NEWEST_OPSET],
  }),
  ...pad('constant', [2, 3], [1, 0, 2, 1]),
  ...pad('reflect', [4, 5], [2, 1, 3, 4]),
  ...pad('reflect', [1, 2, 4, 4], [0, 0, 1, 1, 0, 0, 1, 1]),
  ...pad('edge', [2, 3], [1, 0, 2, 3]),
  ...pad('edge', [3, 1], [0, 2, 1, 2]),
  ...pad('wrap', [3, 4], [2, 1, 1, 3], 19),
];
