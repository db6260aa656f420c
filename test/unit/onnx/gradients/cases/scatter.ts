import { type GraphBuilder, NEWEST_OPSET, tensor } from '../../../../../src/onnx/index.js';
import { apart, type Case, unary } from '../../../../support/gradients.js';

const indices = (b: GraphBuilder, dims: readonly number[], values: readonly number[]): string =>
  b.constant(tensor('', 'int64', dims, values));

const gatherND = (x: readonly number[], dims: readonly number[], values: readonly number[], batch_dims: number): Case =>
  unary('GatherND', {
    name: `GatherND [${x}] at [${dims}], ${batch_dims} batch dimensions`,
    inputs: [x],
    attributes: batch_dims > 0 ? { batch_dims } : {},
    constants: (b) => [indices(b, dims, values)],
    opsets: [batch_dims > 0 ? 12 : 11, NEWEST_OPSET],
  });

/** Data, indices, updates. `since`: the reduction's first opset. */
const scattered = (
  op: 'ScatterND' | 'ScatterElements',
  o: {
    readonly x: readonly number[];
    readonly dims: readonly number[];
    readonly values: readonly number[];
    readonly updates: readonly number[];
    readonly reduction?: string;
    readonly since?: number;
    readonly axis?: number;
    readonly note?: string;
  },
): Case =>
  unary(op, {
    name: `${op} [${o.x}] axis ${o.axis ?? 0} ${o.reduction ?? 'none'} ${o.note ?? ''}`,
    inputs: [o.x, o.updates],
    attributes: {
      ...(o.reduction ? { reduction: o.reduction } : {}),
      ...(o.axis === undefined ? {} : { axis: o.axis }),
    },
    before: (b, [x, updates]) => [x as string, indices(b, o.dims, o.values), updates as string],
    domain: o.reduction ? (x, i) => apart(x) * (1 + i / 7) : (x) => x,
    opsets: [o.since ?? 11, NEWEST_OPSET],
  });
const ROWS = { x: [4, 3], dims: [2, 1], values: [2, -4], updates: [2, 3] };
const CELLS = { x: [3, 4], dims: [3, 2], values: [0, 2, 3, 1, 1, -1], updates: [3, 2], axis: 1 };
const REDUCTIONS = [
  ['add', 16],
  ['mul', 16],
  ['max', 18],
  ['min', 18],
] as const;

export const scatterCases: readonly Case[] = [
  gatherND([3, 4], [2, 2], [0, 1, 2, 3], 0),
  gatherND([3, 4], [3, 1], [0, 2, -1], 0),
  gatherND([2, 3, 2], [2, 2, 1], [0, 2, 2, 2], 1),
  gatherND([2, 2, 3], [2, 2, 3, 1], [0, 1, 2, 2, 2, 0, 1, -1, 1, 0, 0, 0], 2),
  gatherND([2, 3, 2], [1, 2, 3], [1, 2, 0, 1, 2, 0], 0),
  scattered('ScatterND', ROWS),
  scattered('ScatterND', { x: [2, 3, 2], dims: [2, 2], values: [0, 1, 1, 2], updates: [2, 2], note: 'pairs' }),
  scattered('ScatterElements', CELLS),
  scattered('ScatterElements', { x: [3, 3], dims: [2, 2], values: [0, 2, 1, 0], updates: [2, 2], note: 'part' }),
  ...REDUCTIONS.flatMap(([reduction, since]) => [
    scattered('ScatterND', { ...ROWS, reduction, since }),
    scattered('ScatterND', { ...ROWS, values: [2, 2], reduction, since, note: 'twice' }),
    scattered('ScatterElements', { ...CELLS, reduction, since }),
    scattered('ScatterElements', { ...CELLS, values: [0, 0, 3, 1, 1, 1], reduction, since, note: 'twice' }),
    scattered('ScatterElements', { ...CELLS, axis: -1, reduction, since, note: 'from the end' }),
  ]),
  unary('ScatterND', {
    name: 'ScatterND mul by computed indices',
    inputs: [
      [4, 3],
      [2, 3],
    ],
    attributes: { reduction: 'mul' },
    before: (b, [x, updates]) => [
      x as string,
      b.op('Add', [indices(b, [2, 1], [0, 2]), indices(b, [1], [1])]),
      updates as string,
    ],
    domain: apart,
    opsets: [16, NEWEST_OPSET],
  }),
  ...[0, -1].map((axis) =>
    unary('TopK', {
      name: `TopK values, axis ${axis}`,
      inputs: [[4, 5]],
      attributes: { axis },
      constants: (b) => [indices(b, [1], [2])],
      outputs: 2,
      opsets: [axis < 0 ? 11 : 10, NEWEST_OPSET],
    }),
  ),
];
