import { float, NEWEST_OPSET, tensor } from '../../../../../src/onnx/index.js';
import { ALL, apart, type Case, ints, NEW, positive, scalar, unary } from '../../../../support/gradients.js';
import { random } from '../../../../support/onnx.js';

const elementwise = (op: string, domain?: Case['domain'], opsets = ALL): Case[] =>
  [
    [
      [2, 3],
      [2, 3],
    ],
    [[2, 3, 4], [4]],
    [
      [3, 1],
      [2, 1, 4],
    ],
    [[], [2, 2]],
  ].map((inputs) => ({ name: `${op} ${JSON.stringify(inputs)}`, op, inputs, opsets, ...(domain ? { domain } : {}) }));
const reduce = (op: string, asInput: number): Case[] =>
  [
    { axes: [1], keepdims: 1 },
    { axes: [-1, 0], keepdims: 0 },
    { axes: null, keepdims: 0 },
  ].flatMap(({ axes, keepdims }) =>
    ALL.filter((opset) => opset >= 11 || !axes?.some((a) => a < 0)).map(
      (opset): Case => ({
        name: `${op} axes ${axes} keepdims ${keepdims}`,
        op,
        inputs: [[2, 3, 4]],
        attributes: { keepdims, ...(axes && opset < asInput ? { axes } : {}) },
        constants: (b) => (axes && opset >= asInput ? [ints(b, axes)] : []),
        opsets: [opset],
      }),
    ),
  );
const matMul = (a: readonly number[], b: readonly number[]): Case => ({
  name: `MatMul [${a}] [${b}]`,
  op: 'MatMul',
  inputs: [a, b],
  opsets: ALL,
});
const gemm = (transA: number, transB: number, c: readonly number[]): Case => ({
  name: `Gemm transA ${transA} transB ${transB} c [${c}]`,
  op: 'Gemm',
  inputs: [transA ? [3, 2] : [2, 3], transB ? [4, 3] : [3, 4], c],
  attributes: { transA, transB, alpha: float(0.5), beta: float(2) },
  opsets: ALL,
});

const FIXED: readonly Case[] = [
  ...elementwise('Add'),
  ...elementwise('Sub'),
  ...elementwise('Mul'),
  ...elementwise('Div', apart),
  ...elementwise('Pow', positive),
  unary('Pow', { name: 'Pow by constant 2', inputs: [[2, 3]], constants: (b) => [scalar(b, 2)] }),
  unary('Pow', { name: 'Pow by constant 3 of negatives', inputs: [[2, 3]], constants: (b) => [scalar(b, 3)] }),
  ...['Neg', 'Exp', 'Sigmoid', 'Tanh'].map((op) => unary(op)),
  unary('Abs', { domain: apart }),
  unary('Relu', { domain: apart }),
  unary('LeakyRelu', {
    dataType: 'float32',
    domain: apart,
    attributes: { alpha: float(0.3) },
  }),
  unary('Log', { domain: positive }),
  unary('Sqrt', { domain: positive }),
  ...['Softmax', 'LogSoftmax'].flatMap((op) =>
    [0, 1, 2].map((axis) => unary(op, { name: `${op} axis ${axis}`, inputs: [[2, 3, 4]], attributes: { axis } })),
  ),
  unary('Clip', {
    name: 'Clip with limits, attributes',
    domain: (x) => (Math.abs(x) > 0.5 ? 2 * x : x / 2),
    attributes: { min: float(-0.5), max: float(0.6) },
    opsets: [7, 10],
  }),
  unary('Clip', {
    name: 'Clip with limits',
    domain: (x) => x * 1.3,
    constants: (b) => [scalar(b, -0.5), scalar(b, 0.6)],
    opsets: NEW,
  }),
  // In single precision the masks are made otherwise.
  unary('Relu', { name: 'Relu, float32', dataType: 'float32', domain: apart }),
  ...[
    { name: 'both', limits: [-0.5, 0.6] },
    { name: '0 and 0.6', limits: [0, 0.6] },
    { name: 'the least', limits: [-0.5] },
    { name: 'the most', limits: [null, 0.6] },
  ].map(({ name, limits }) =>
    unary('Clip', {
      name: `Clip, float32, limits: ${name}`,
      dataType: 'float32',
      domain: (x) => (Math.abs(x) > 0.5 ? 2 * x : x / 2 + Math.sign(x) / 10),
      constants: (b, type) => limits.map((limit) => (limit === null ? '' : scalar(b, limit, type))),
      opsets: NEW,
    }),
  ),
  unary('Clip', {
    name: 'Clip and its limits',
    inputs: [[3, 4], [], []],
    domain: (x, i) => (i === 0 ? x * 1.3 : i === 1 ? -0.5 + x / 10 : 0.6 + x / 10),
    opsets: NEW,
  }),
  unary('Dropout', { name: 'Dropout for inference', dataType: 'float32' }),
  unary('Identity'),
  ...[
    [
      [2, 3],
      [3, 4],
    ],
    [
      [2, 5, 3],
      [3, 4],
    ],
    [
      [2, 5, 3],
      [2, 3, 4],
    ],
    [
      [2, 1, 5, 3],
      [4, 3, 2],
    ],
    [[3], [3, 4]],
    [[2, 3], [3]],
    [[3], [3]],
    [[3], [2, 3, 4]],
    [[2, 2, 3], [3]],
  ].map(([a, b]) => matMul(a as number[], b as number[])),
  gemm(0, 0, [2, 4]),
  gemm(1, 0, [4]),
  gemm(0, 1, [2, 1]),
  gemm(1, 1, [1]),
  ...reduce('ReduceSum', 13),
  ...reduce('ReduceMean', 18),
  ...reduce('ReduceMax', 18),
  unary('Reshape', { inputs: [[2, 6]], constants: (b) => [ints(b, [3, -1])] }),
  unary('Flatten', { inputs: [[2, 3, 2]], attributes: { axis: 2 } }),
  unary('Squeeze', { inputs: [[2, 1, 3, 1]], attributes: { axes: [1, 3] }, opsets: [7] }),
  unary('Squeeze', { inputs: [[2, 1, 3, 1]], constants: (b) => [ints(b, [1, 3])], opsets: NEW }),
  unary('Unsqueeze', { attributes: { axes: [0, 2] }, opsets: [7] }),
  unary('Unsqueeze', { constants: (b) => [ints(b, [0, -1])], opsets: NEW }),
  unary('Transpose', { inputs: [[2, 3, 4]], attributes: { perm: [1, 2, 0] } }),
  unary('Transpose', { name: 'Transpose reversed', inputs: [[2, 3, 4]] }),
  unary('Expand', { inputs: [[3, 1]], constants: (b) => [ints(b, [2, 3, 4])], opsets: [8, ...NEW] }),
  unary('Concat', {
    inputs: [
      [2, 3],
      [2, 1],
      [2, 2],
    ],
    attributes: { axis: 1 },
  }),
  unary('Concat', {
    name: 'Concat last axis',
    inputs: [
      [2, 3, 2],
      [2, 3, 1],
    ],
    attributes: { axis: -1 },
    opsets: NEW,
  }),
  unary('Slice', { inputs: [[5, 6]], attributes: { starts: [1, -3], ends: [4, 100], axes: [0, 1] }, opsets: [7] }),
  unary('Slice', {
    name: 'Slice with steps',
    inputs: [[5, 7]],
    constants: (b) => [ints(b, [0, 1]), ints(b, [5, 7]), ints(b, [0, 1]), ints(b, [2, 3])],
    opsets: NEW,
  }),
  unary('Slice', {
    name: 'Slice backwards',
    inputs: [[5, 7]],
    constants: (b) => [ints(b, [-1, 5]), ints(b, [-100, 0]), ints(b, [0, 1]), ints(b, [-1, -2])],
    opsets: NEW,
  }),
  ...[0, 1].map((axis) =>
    unary('Gather', {
      name: `Gather axis ${axis}`,
      inputs: [[4, 3, 2]],
      attributes: { axis },
      constants: (b) => [b.constant(tensor('', 'int64', [2, 2], [0, 2, 2, -1]))],
      opsets: [11, ...NEW],
    }),
  ),
  ...[0, 1].map((axis) =>
    unary('Gather', {
      name: `Gather axis ${axis}, counted from the start`,
      inputs: [[4, 3, 2]],
      attributes: { axis },
      constants: (b) => [b.constant(tensor('', 'int64', [2, 2], [0, 2, 2, 1]))],
    }),
  ),
  ...[0, 1].map((axis) =>
    unary('GatherElements', {
      name: `GatherElements axis ${axis}`,
      inputs: [[3, 3]],
      attributes: { axis },
      constants: (b) => [b.constant(tensor('', 'int64', axis === 0 ? [2, 3] : [3, 2], [0, 1, 2, 2, 1, 1]))],
      opsets: [11, ...NEW],
    }),
  ),
  unary('Where', {
    inputs: [[2, 3], [3]],
    before: (b, [x, y]) => [b.constant(tensor('', 'bool', [2, 1], [1, 0])), x as string, y as string],
    opsets: [9, ...NEW],
  }),
  unary('Cast', { attributes: { to: 11 } }),
];

/** Sizes that broadcast together: a common size, of which each input drops leading axes and sets others to 1. */
function broadcastable(next: () => number, count: number): number[][] {
  const full = Array.from({ length: 1 + Math.floor(next() * 4) }, () => 1 + Math.floor(next() * 3));
  return Array.from({ length: count }, () =>
    full.slice(Math.floor(next() * (full.length + 1))).map((d) => (next() < 0.3 ? 1 : d)),
  );
}
const RANDOM: readonly Case[] = Array.from({ length: 40 }, (_, seed): Case => {
  const next = random(1000 + seed);
  const op = ['Add', 'Sub', 'Mul', 'Div', 'Where', 'MatMul'][seed % 6] as string;
  if (op === 'MatMul') {
    const [m, k, n] = [0, 0, 0].map(() => 1 + Math.floor(next() * 3)) as [number, number, number];
    const [a, b] = broadcastable(next, 2) as [number[], number[]];
    return matMul([...a, m, k], [...b, k, n]);
  }
  const inputs = broadcastable(next, 2);
  const before: Case['before'] = (b, names) => [b.constant(tensor('', 'bool', [1], [seed % 4 < 2 ? 1 : 0])), ...names];
  return {
    name: `${op} ${JSON.stringify(inputs)}`,
    op,
    inputs,
    domain: apart,
    opsets: [13, NEWEST_OPSET],
    ...(op === 'Where' ? { before } : {}),
  };
});

/** What heads and losses are made of. */
export const headCases: readonly Case[] = [...FIXED, ...RANDOM];
