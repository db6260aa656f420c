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
  readonly constants?: (b: GraphBuilder) => readonly string[];
  /** Maps a number in [-1, 1) to the operator's domain. */
  readonly domain?: (x: number, i: number) => number;
  readonly before?: (b: GraphBuilder, names: readonly string[]) => readonly string[];
  readonly opsets: readonly number[];
  /** Where onnxruntime has no float64 kernel; differences are then coarse, so only for rules that are linear in pieces. */
  readonly dataType?: 'float32';
  /** Inputs by which nothing is differentiated. */
  readonly frozen?: readonly number[];
  /** Outputs of the operator; the first is read. */
  readonly outputs?: number;
  /** Greatest relative error, where float32 or a curved operator needs more than the usual. */
  readonly tolerance?: number;
  /** Half the distance of the two points; a large one is exact where the loss is a parabola along every input. */
  readonly step?: number;
}

export const ints = (b: GraphBuilder, values: readonly number[]): string =>
  b.constant(tensor('', 'int64', [values.length], values));
export const scalar = (b: GraphBuilder, value: number): string => b.constant(tensor('', 'float64', [], value));
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

/** The graph of a case: loss = sum(weights * op(inputs)). */
export function graphOf(c: Case, opset: number, next: () => number): { model: Model; feeds: Record<string, Value> } {
  const b = graphBuilder({ opset });
  const type = c.dataType ?? 'float64';
  const names = c.inputs.map((dims, i) => b.input(`x${i}`, type, dims));
  const args = c.before ? c.before(b, names) : [...names, ...(c.constants?.(b) ?? [])];
  const y = b.op(c.op, args, c.attributes ?? {}, { outputs: c.outputs ?? 1 });
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

export async function compare(
  model: Model,
  feeds: Record<string, Value>,
  h = 1e-5,
  frozen: readonly number[] = [],
): Promise<number> {
  const loss = model.graph.outputs[0]?.name as string;
  const parameters = Object.keys(feeds).filter((_, i) => !frozen.includes(i));
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

/** One test for each case and opset. */
export function checkGradients(cases: readonly Case[]): void {
  for (const c of cases)
    for (const opset of c.opsets)
      it(`${c.name}, opset ${opset}`, async () => {
        const { model, feeds } = graphOf(c, opset, random(c.name.length * 31 + opset));
        const [h, tolerance] = c.dataType ? ([1e-2, 1e-3] as const) : ([1e-5, 1e-6] as const);
        expect(await compare(model, feeds, c.step ?? h, c.frozen)).toBeLessThan(c.tolerance ?? tolerance);
      });
}
