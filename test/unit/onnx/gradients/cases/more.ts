import { float, NEWEST_OPSET, tensor } from '../../../../../src/onnx/index.js';
import { apart, type Case, ints, NEW, unary } from '../../../../support/gradients.js';

const ALL = [7, 13, NEWEST_OPSET];
/** Away from the places where the slope jumps. */
const off =
  (...jumps: readonly number[]) =>
  (x: number): number =>
    jumps.reduce((v, at) => (Math.abs(v - at) < 0.05 ? at + 0.05 * (v < at ? -1 : 1) : v), 5 * x);
/** onnxruntime has these in float32 only: a coarser difference. */
const single = { dataType: 'float32', step: 2e-2, tolerance: 5e-3 } as const;

/** What networks are made of besides convolutions, pooling and normalisation. */
export const networkCases: readonly Case[] = [
  unary('HardSigmoid', { ...single, domain: off(-2.5, 2.5), opsets: ALL }),
  unary('HardSwish', { ...single, domain: off(-3, 3), opsets: [14, NEWEST_OPSET] }),
  unary('Erf', { ...single, opsets: [9, 13, NEWEST_OPSET] }),
  unary('Gelu', { ...single, name: 'Gelu', opsets: [20, NEWEST_OPSET] }),
  unary('Gelu', { ...single, name: 'Gelu by tanh', attributes: { approximate: 'tanh' }, opsets: [20, NEWEST_OPSET] }),
  unary('Softplus', { ...single, opsets: ALL }),
  unary('Elu', { ...single, domain: apart, attributes: { alpha: float(0.7) }, opsets: ALL }),
  unary('PRelu', {
    ...single,
    name: 'PRelu per channel',
    inputs: [
      [2, 3, 2],
      [3, 1],
    ],
    domain: apart,
    opsets: [7, NEWEST_OPSET],
  }),
  unary('Reciprocal', { domain: (x) => x + 2 }),
  ...['Min', 'Max'].map((op) =>
    unary(op, {
      name: `${op} of three, broadcast`,
      inputs: [[2, 3], [3], [2, 1]],
      domain: (x, i) => x * 2 + i / 3,
      opsets: [8, NEWEST_OPSET],
    }),
  ),
  ...['Min', 'Max', 'Sum', 'Mean'].map((op) =>
    unary(op, {
      name: `${op} of two`,
      inputs: [
        [2, 3],
        [2, 3],
      ],
      domain: (x, i) => x * 2 + i / 3,
      opsets: [7, NEWEST_OPSET],
    }),
  ),
  ...['Sum', 'Mean'].map((op) =>
    unary(op, {
      ...(op === 'Mean' ? single : {}),
      name: `${op} of three, broadcast`,
      inputs: [[2, 3], [3], [2, 1]],
      opsets: [8, ...NEW],
    }),
  ),
  unary('Mod', {
    inputs: [[2, 3], [3]],
    attributes: { fmod: 1 },
    domain: (x, i) => (i === 0 ? 2.3 + x / 4 : 1 + x / 8),
    opsets: [10, NEWEST_OPSET],
  }),
  // What changes in steps gives nothing to learn by.
  ...(
    [
      ['Round', 11],
      ['Floor', 7],
      ['Ceil', 7],
      ['Sign', 9],
      ['Hardmax', 7],
      ['EyeLike', 9],
    ] as const
  ).map(([op, since]) =>
    unary(op, { domain: (x, i) => (x > 0 ? 0.7 : -0.7) + i + x / 5, opsets: [since, NEWEST_OPSET] }),
  ),
  unary('Sin'),
  unary('Cos'),
  unary('Split', {
    name: 'Split, first piece read',
    inputs: [[2, 6]],
    attributes: { axis: 1, split: [2, 4] },
    opsets: [7, 12],
    outputs: 2,
  }),
  unary('Split', {
    name: 'Split by a constant, first piece read',
    inputs: [[5, 2]],
    constants: (b) => [ints(b, [3, 2])],
    opsets: [13],
    outputs: 2,
  }),
  unary('Split', {
    name: 'Split in equal pieces, first piece read',
    inputs: [[4, 2]],
    attributes: { num_outputs: 2 },
    opsets: [18, NEWEST_OPSET],
    outputs: 2,
  }),
  unary('Pad', { inputs: [[2, 3]], attributes: { pads: [1, 0, 2, 1] }, opsets: [7] }),
  unary('Pad', { name: 'Pad and crop', inputs: [[3, 4]], constants: (b) => [ints(b, [1, -1, 0, 2])], opsets: NEW }),
  unary('Pad', {
    name: 'Pad some axes',
    inputs: [[3, 4]],
    constants: (b) => [ints(b, [2, 1]), b.constant(tensor('', 'float64', [], 0.5)), ints(b, [-1])],
    opsets: [18, NEWEST_OPSET],
  }),
];
