import { describe, expect, it } from 'vitest';
import {
  type AttributeValue,
  differentiate,
  float,
  type GraphBuilder,
  gradientName,
  graphBuilder,
  type Model,
  NEWEST_OPSET,
  type Shapes,
  standardRules,
  tensor,
} from '../../../src/onnx/index.js';
import { measure, random, run, session, type Value, zerosOf } from '../../support/onnx.js';

/**
 * Each rule against central finite differences in float64: the loss is a fixed random weighting of the operator's output, so
 * every element of the gradient counts. Cases name their inputs' sizes; `constants` follow as initializers.
 */
interface Case {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly (readonly number[])[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly constants?: (b: GraphBuilder) => readonly string[];
  /** Maps a number in [-1, 1) to the operator's domain. */
  readonly domain?: (x: number, i: number) => number;
  readonly before?: (b: GraphBuilder, names: readonly string[]) => readonly string[];
  readonly opsets: readonly number[];
  /** Where onnxruntime has no float64 kernel; differences are then coarse, so only for rules that are linear in pieces. */
  readonly dataType?: 'float32';
}

const ints = (b: GraphBuilder, values: readonly number[]): string =>
  b.constant(tensor('', 'int64', [values.length], values));
const scalar = (b: GraphBuilder, value: number): string => b.constant(tensor('', 'float64', [], value));
const apart = (x: number): number => x + Math.sign(x) * 0.1;
const positive = (x: number): number => 1.2 + x;
const ALL = [7, 13, NEWEST_OPSET];
const NEW = [13, NEWEST_OPSET];

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
const unary = (op: string, o: Partial<Case> = {}): Case => ({ name: op, op, inputs: [[3, 4]], opsets: ALL, ...o });
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

const CASES: readonly Case[] = [
  ...elementwise('Add'),
  ...elementwise('Sub'),
  ...elementwise('Mul'),
  ...elementwise('Div', apart),
  ...elementwise('Pow', positive),
  unary('Pow', { name: 'Pow by constant 2', inputs: [[2, 3]], constants: (b) => [scalar(b, 2)] }),
  unary('Pow', { name: 'Pow by constant 3 of negatives', inputs: [[2, 3]], constants: (b) => [scalar(b, 3)] }),
  ...['Neg', 'Exp', 'Sigmoid', 'Tanh'].map((op) => unary(op)),
  unary('Abs', { domain: apart }),
  unary('Relu', { domain: apart, opsets: [NEWEST_OPSET, 14] }),
  unary('LeakyRelu', {
    dataType: 'float32',
    domain: apart,
    attributes: { alpha: float(0.3) },
    opsets: [16, NEWEST_OPSET],
  }),
  unary('Log', { domain: positive }),
  unary('Sqrt', { domain: positive }),
  ...['Softmax', 'LogSoftmax'].flatMap((op) =>
    [0, 1, 2].map((axis) => unary(op, { name: `${op} axis ${axis}`, inputs: [[2, 3, 4]], attributes: { axis } })),
  ),
  unary('Clip', {
    name: 'Clip with limits',
    domain: (x) => x * 1.3,
    constants: (b) => [scalar(b, -0.5), scalar(b, 0.6)],
    opsets: NEW,
  }),
  unary('Clip', {
    name: 'Clip and its limits',
    inputs: [[3, 4], [], []],
    domain: (x, i) => (i === 0 ? x * 1.3 : i === 1 ? -0.5 + x / 10 : 0.6 + x / 10),
    opsets: NEW,
  }),
  unary('Dropout', { name: 'Dropout for inference', opsets: NEW }),
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

/** The graph of a case: loss = sum(weights * op(inputs)). */
function graphOf(c: Case, opset: number, next: () => number): { model: Model; feeds: Record<string, Value> } {
  const b = graphBuilder({ opset });
  const type = c.dataType ?? 'float64';
  const names = c.inputs.map((dims, i) => b.input(`x${i}`, type, dims));
  const args = c.before ? c.before(b, names) : [...names, ...(c.constants?.(b) ?? [])];
  const y = b.op(c.op, args, c.attributes ?? {});
  const flat = b.op('Reshape', [y, ints(b, [-1])]);
  // Values that depend on their place: independent of the output's size, which is not known here.
  const bent = b.op('Mul', [flat, b.op('Add', [flat, b.constant(tensor('', type, [], 0.37))])]);
  const loss =
    opset < 13
      ? b.op('ReduceSum', [bent], { axes: [0], keepdims: 0 })
      : b.op('ReduceSum', [bent, ints(b, [0])], { keepdims: 0 });
  b.output(loss, type, []);
  const feeds: Record<string, Value> = {};
  c.inputs.forEach((dims, i) => {
    const v = zerosOf(type, dims);
    for (let k = 0; k < v.data.length; k++) v.data[k] = (c.domain ?? ((x: number) => x))(next() * 2 - 1, i);
    feeds[`x${i}`] = v;
  });
  return { model: b.model(), feeds };
}

async function compare(model: Model, feeds: Record<string, Value>, h = 1e-5): Promise<number> {
  const loss = model.graph.outputs[0]?.name as string;
  const parameters = Object.keys(feeds);
  const shapes: Shapes = await measure(model);
  const trained = differentiate(model, loss, parameters, shapes);
  const forward = await session(model);
  const found = await run(trained, feeds);
  let worst = 0;
  for (const name of parameters) {
    const value = feeds[name] as Value;
    const data = value.data as Float64Array | Float32Array;
    const gradient = found[gradientName(name)] as Value;
    expect(gradient.dims).toEqual(value.dims);
    for (let i = 0; i < data.length; i++) {
      const at = data[i] as number;
      const losses: number[] = [];
      for (const step of [h, -h]) {
        data[i] = at + step;
        losses.push(Number((await run(forward, feeds))[loss]?.data[0]));
      }
      data[i] = at;
      const difference = ((losses[0] as number) - (losses[1] as number)) / (2 * h);
      const exact = Number(gradient.data[i]);
      worst = Math.max(worst, Math.abs(difference - exact) / Math.max(1, Math.abs(exact)));
    }
  }
  await forward.release();
  return worst;
}

describe('gradient rules against central finite differences (float64)', () => {
  for (const c of [...CASES, ...RANDOM])
    for (const opset of c.opsets)
      it(`${c.name}, opset ${opset}`, async () => {
        const { model, feeds } = graphOf(c, opset, random(c.name.length * 31 + opset));
        const [h, tolerance] = c.dataType ? [1e-2, 1e-3] : [1e-5, 1e-6];
        expect(await compare(model, feeds, h)).toBeLessThan(tolerance);
      });

  it('covers every operator that has a rule', () => {
    const tested = new Set(CASES.map((c) => c.op));
    expect(
      standardRules()
        .operators()
        .filter((op) => !tested.has(op)),
    ).toEqual([]);
  });

  it('ties of a maximum share the gradient', async () => {
    const b = graphBuilder({ opset: 13 });
    const x = b.input('x', 'float32', [4]);
    b.output(b.op('ReduceMax', [x], { keepdims: 0 }), 'float32', []);
    const model = b.model();
    const loss = model.graph.outputs[0]?.name as string;
    const result = await run(differentiate(model, loss, ['x'], await measure(model)), {
      x: { dataType: 'float32', dims: [4], data: Float32Array.of(1, 3, 3, 0) },
    });
    expect([...(result['grad(x)'] as Value).data]).toEqual([0, 0.5, 0.5, 0]);
  });
});
