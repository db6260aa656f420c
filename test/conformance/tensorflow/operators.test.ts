import { describe, expect, it } from 'vitest';
import {
  decodeModel,
  decodeTensor,
  type Model,
  numbers,
  OLDEST_OPSET,
  OnnxError,
  standardRules,
  type Tensor,
} from '../../../src/onnx/index.js';
import type { HostTensor } from '../../../workers/executors/executor.js';
import { hostTensor } from '../../../workers/executors/tensorflow/host.js';
import { operatorLines } from '../../../workers/executors/tensorflow/operators/table.js';
import { KernelError } from '../../../workers/executors/tensorflow/plan.js';
import { hasData } from '../../support/onnx.js';
import { NODE_TESTS, type NodeTest, nodeTests } from '../../support/onnx-node-tests.js';
import { TENSORFLOW, tensorflow } from '../../support/tensorflow.js';

/** Random outputs, and the release before the library's oldest. */
const LEFT_OUT = /dropout|bernoulli|random/;
type Outcome = 'passed' | 'failed' | `not supported: ${string}`;

/** null: a value is of a kind that engines are not fed (texts, sequences, types below a byte). */
function prepared(c: NodeTest): { model: Model; feeds: Record<string, HostTensor>; wanted: readonly Tensor[] } | null {
  try {
    const model = decodeModel(c.model);
    const given = c.inputs.map((bytes, i): [string, Tensor] => [model.graph.inputs[i]!.name, decodeTensor(bytes)]);
    // Axes, sizes and places are inputs in these cases; graphs have them constant.
    const floats = given.filter(([, t]) => t.dataType.includes('float'));
    const fed = floats.length > 0 ? floats : given.filter(([, t]) => t.dims.length > 1);
    const constants = given.filter((entry) => !fed.includes(entry));
    const left = new Set(fed.map(([name]) => name));
    const graph = {
      ...model.graph,
      inputs: model.graph.inputs.filter((v) => left.has(v.name)),
      initializers: new Map([...model.graph.initializers, ...constants]),
    };
    const feeds = Object.fromEntries(fed.map(([name, t]) => [name, hostTensor(t)]));
    return { model: { ...model, graph }, feeds, wanted: c.outputs.map(decodeTensor) };
  } catch (error) {
    if (error instanceof OnnxError || error instanceof RangeError) return null;
    throw error;
  }
}

/** Half precision holds three digits. */
function agrees(found: Readonly<Record<string, HostTensor>>, model: Model, wanted: readonly Tensor[]): boolean {
  return wanted.every((t, i) => {
    const value = found[model.graph.outputs[i]!.name];
    if (value?.dims.join() !== t.dims.join() || value.dataType !== t.dataType) return false;
    const { buffer, byteOffset, byteLength } = value.data;
    const got = numbers({ ...t, data: new Uint8Array(buffer, byteOffset, byteLength) });
    const relative = t.dataType === 'float16' || t.dataType === 'bfloat16' ? 4e-3 : 1e-3;
    return numbers(t).every((e, k) => {
      const g = got[k]!;
      return Object.is(e, g) || e === g || Math.abs(e - g) <= 1e-4 + relative * Math.abs(e);
    });
  });
}

async function outcome({ model, feeds, wanted }: NonNullable<ReturnType<typeof prepared>>): Promise<Outcome> {
  const names = model.graph.outputs.map((v) => v.name);
  try {
    const copy = (): Record<string, HostTensor> =>
      Object.fromEntries(Object.entries(feeds).map(([name, t]) => [name, { ...t, data: t.data.slice() }]));
    // The second run goes by the plan that the first one left; for training it is a graph of the library's own.
    for (const training of [false, true]) {
      const program = await tensorflow().compile(model, { training });
      try {
        for (let run = 0; run < 2; run++) if (!agrees(await program.run(copy(), names), model, wanted)) return 'failed';
      } finally {
        await program.dispose();
      }
    }
    return 'passed';
  } catch (error) {
    if (error instanceof OnnxError && error.code === 'operator-unsupported') return 'not supported: operator';
    if (error instanceof OnnxError && error.code === 'shape-unknown') return 'not supported: sizes from numbers';
    // A type that the library has no kernel for.
    if (error instanceof KernelError && /OpKernel|not in the list of allowed|Could not find device/.test(error.message))
      return 'not supported: type';
    if (error instanceof RangeError) return 'not supported: type';
    throw error;
  }
}

describe.runIf(TENSORFLOW !== null && hasData(NODE_TESTS))('official ONNX backend tests on TensorFlow', () => {
  it('fail nowhere; the table says which operators pass and what is not supported', async () => {
    const cases = (await Promise.all(['node', 'pytorch-operator', 'pytorch-converted'].map(nodeTests))).flat();
    const table = new Map<string, Map<Outcome, number>>();
    const failed: string[] = [];
    let passed = 0;
    for (const c of cases) {
      const p = prepared(c);
      if (p === null || LEFT_OUT.test(c.name) || (p.model.opsets.get('') ?? 0) < OLDEST_OPSET) continue;
      const [node, ...others] = p.model.graph.nodes;
      if (node === undefined) continue;
      const result = await outcome(p);
      if (result === 'failed') failed.push(c.name);
      if (result === 'passed') passed++;
      const name = others.length > 0 ? 'graphs of several' : `${node.domain && `${node.domain}.`}${node.opType}`;
      const row = table.get(name) ?? new Map<Outcome, number>();
      table.set(name, row.set(result, (row.get(result) ?? 0) + 1));
    }
    expect(failed).toEqual([]);
    expect(passed).toBeGreaterThan(950);
    const lines = [...table]
      .sort(([a], [b]) => a.localeCompare(b))
      .map(
        ([name, row]) =>
          `${name}: ${[...row]
            .sort()
            .map(([what, n]) => `${n} ${what}`)
            .join(', ')}`,
      );
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('operators.txt');
    expect(tensorflow().engine.executor).toBe('tensorflow');
  });
});

it('every operator with a gradient rule is run by TensorFlow, but for recurrent ones and those that draw at random', () => {
  const run = new Set(operatorLines().map(([name]) => name));
  for (const name of ['Bernoulli', 'RandomNormalLike', 'RandomUniformLike', 'LSTM', 'GRU', 'RNN']) run.add(name);
  // Written out before any engine sees it.
  run.add('graft:Gelu');
  expect(
    standardRules()
      .operators()
      .filter((name) => !run.has(name)),
  ).toEqual([]);
});
