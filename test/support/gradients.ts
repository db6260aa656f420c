import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  type AttributeValue,
  differentiate,
  type GraphBuilder,
  gradientName,
  graphBuilder,
  type Model,
  NEWEST_OPSET,
  type Shapes,
  tensor,
} from '../../src/onnx/index.js';
import { measure, random, run, session, type Value, zerosOf } from './onnx.js';

/**
 * Each rule against central finite differences in float64: the loss is a fixed random weighting of the operator's output, so
 * every element of the gradient counts. Cases name their inputs' sizes; `constants` follow as initializers.
 */
export interface Case {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly (readonly number[])[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly constants?: (b: GraphBuilder, type: 'float32' | 'float64') => readonly string[];
  /** Maps a number in [-1, 1) to the operator's domain. */
  readonly domain?: (x: number, i: number) => number;
  readonly before?: (b: GraphBuilder, names: readonly string[]) => readonly string[];
  /** The first and last opset that the case is written for; run at these and wherever the operator's definition changed. */
  readonly opsets: readonly number[];
  /** Where the gradient is there for float32 only; operators without a float64 kernel are found out. */
  readonly dataType?: 'float32';
  /** Inputs by which nothing is differentiated. */
  readonly frozen?: readonly number[];
  /** Outputs of the operator, and those that are read; the first unless said otherwise. */
  readonly outputs?: number;
  readonly read?: readonly number[];
  /** Greatest relative error, where float32 or a curved operator needs more than the usual. */
  readonly tolerance?: number;
  /** What to run in the graph's place where the executor lacks the operator. */
  readonly runAs?: (model: Model) => Model;
  /** Half the distance of the two points; a large one is exact where the loss is a parabola along every input. */
  readonly step?: number;
}

export const ints = (b: GraphBuilder, values: readonly number[]): string =>
  b.constant(tensor('', 'int64', [values.length], values));
export const scalar = (b: GraphBuilder, value: number, type: 'float32' | 'float64' = 'float64'): string =>
  b.constant(tensor('', type, [], value));
export const apart = (x: number): number => x + Math.sign(x) * 0.1;
export const positive = (x: number): number => 1.2 + x;
export const ALL = [7, 13, NEWEST_OPSET];
export const NEW = [13, NEWEST_OPSET];

export const unary = (op: string, o: Partial<Case> = {}): Case => ({
  name: op,
  op,
  inputs: [[3, 4]],
  opsets: ALL,
  ...o,
});

const VERSIONS: Readonly<Record<string, readonly number[]>> = JSON.parse(
  readFileSync(new URL('../fixtures/operator-versions.json', import.meta.url), 'utf8'),
);
/** Opsets in the case's range where something may go wrong: both ends, those of the rule, and every change of the operator. */
export function boundaries(c: Case): readonly number[] {
  const [first, last] = [Math.min(...c.opsets), Math.max(...c.opsets)];
  const changes = (VERSIONS[c.op] ?? []).filter((v) => v > first && v < last);
  return [...new Set([...c.opsets, ...changes, ...changes.map((v) => v - 1)])]
    .filter((v) => v >= first)
    .sort((x, y) => x - y);
}

/** The graph of a case: loss = the sum over what is read, y (y + 0.37), so that the gradient of every element differs. */
export function graphOf(
  c: Case,
  opset: number,
  next: () => number,
  type: 'float32' | 'float64' = 'float64',
): { model: Model; feeds: Record<string, Value> } {
  const b = graphBuilder({ opset });
  const names = c.inputs.map((dims, i) => b.input(`x${i}`, type, dims));
  const args = c.before ? c.before(b, names) : [...names, ...(c.constants?.(b, type) ?? [])];
  const ys = b.ops(c.op, args, c.attributes ?? {}, { outputs: c.outputs ?? 1 });
  const parts = (c.read ?? [0]).map((i) => {
    // Summed in float64 whatever the type: a small difference of large sums needs it.
    const flat = b.op('Cast', [b.op('Reshape', [ys[i] as string, ints(b, [-1])])], { to: 11 });
    const bent = b.op('Mul', [flat, b.op('Add', [flat, scalar(b, 0.37 + i)])]);
    return opset < 13
      ? b.op('ReduceSum', [bent], { axes: [0], keepdims: 0 })
      : b.op('ReduceSum', [bent, ints(b, [0])], { keepdims: 0 });
  });
  b.output(
    parts.reduce((x, y) => b.op('Add', [x, y])),
    'float64',
    [],
  );
  const feeds: Record<string, Value> = {};
  c.inputs.forEach((dims, i) => {
    const v = zerosOf(type, dims);
    for (let k = 0; k < v.data.length; k++) v.data[k] = (c.domain ?? ((x: number) => x))(next() * 2 - 1, i);
    feeds[`x${i}`] = v;
  });
  return { model: b.model(), feeds };
}

/** Weights of f(x + kh) - f(x - kh) for k = 1, 2, …: exact to the second order, and to the fourth where h cannot be small. */
const SECOND = [1 / 2];
const FOURTH = [2 / 3, -1 / 12];

export async function compare(
  model: Model,
  feeds: Record<string, Value>,
  h = 1e-5,
  frozen: readonly number[] = [],
  weights: readonly number[] = SECOND,
  runAs: (m: Model) => Model = (m) => m,
): Promise<number> {
  const loss = model.graph.outputs[0]?.name as string;
  const parameters = Object.keys(feeds).filter((_, i) => !frozen.includes(i));
  const shapes: Shapes = await measure(runAs(model));
  const trained = differentiate(model, loss, parameters, shapes);
  const forward = await session(runAs(model));
  const found = await run(runAs(trained), feeds);
  let worst = 0;
  for (const name of parameters) {
    const value = feeds[name] as Value;
    const data = value.data as Float64Array | Float32Array;
    const gradient = found[gradientName(name)] as Value;
    expect(gradient.dims).toEqual(value.dims);
    for (let i = 0; i < data.length; i++) {
      const at = data[i] as number;
      let difference = 0;
      for (const [k, weight] of weights.entries())
        for (const side of [1, -1]) {
          data[i] = at + side * (k + 1) * h;
          difference += (side * weight * Number((await run(forward, feeds))[loss]?.data[0])) / h;
        }
      data[i] = at;
      const exact = Number(gradient.data[i]);
      worst = Math.max(worst, Math.abs(difference - exact) / Math.max(1, Math.abs(exact)));
    }
  }
  await forward.release();
  return worst;
}

/** float64 wherever onnxruntime has the operator's kernel. */
async function typeFor(c: Case, opset: number): Promise<'float32' | 'float64'> {
  if (c.dataType) return c.dataType;
  try {
    await (await session((c.runAs ?? ((m) => m))(graphOf(c, opset, () => 0.5).model))).release();
    return 'float64';
  } catch (error) {
    if (/NOT_IMPLEMENTED|Could not find an implementation|Type 'tensor\(double\)'/.test(String(error)))
      return 'float32';
    throw error;
  }
}

/** One test for each case and opset. */
export function checkGradients(cases: readonly Case[]): void {
  for (const c of cases)
    for (const opset of boundaries(c))
      it(`${c.name}, opset ${opset}`, async () => {
        const type = await typeFor(c, opset);
        const { model, feeds } = graphOf(c, opset, random(c.name.length * 31 + opset), type);
        const double = type === 'float64';
        const error = await compare(
          model,
          feeds,
          c.step ?? (double ? 1e-5 : 1e-2),
          c.frozen,
          double ? SECOND : FOURTH,
          c.runAs,
        );
        expect(error).toBeLessThan(c.tolerance ?? (double ? 1e-6 : 1e-3));
      });
}
