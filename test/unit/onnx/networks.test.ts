import { describe, expect, it } from 'vitest';
import { foldConstants, graphBuilder, inferenceForm, numbers, tensor } from '../../../src/onnx/index.js';
import { gradientErrors, networkNames } from '../../support/networks.js';
import { measure, valueRunner } from '../../support/onnx.js';

it('folding computes sizes and what follows from them, and leaves parameters and random numbers', async () => {
  const b = graphBuilder({ opset: 17 });
  const x = b.input('x', 'float32', ['N', 6]);
  const w = b.initializer('w', tensor('', 'float32', [6], [1, 2, 3, 4, 5, 6]));
  const first = b.op('Gather', [b.op('Shape', [x]), b.constant(tensor('', 'int64', [], [0]))]);
  const rows = b.op('Unsqueeze', [first, b.constant(tensor('', 'int64', [1], [0]))]);
  const to = b.op('Concat', [rows, b.constant(tensor('', 'int64', [2], [3, -1]))], { axis: 0 });
  const noisy = b.op('Mul', [
    b.op('Reshape', [b.op('Mul', [x, b.op('Identity', [w])]), to]),
    b.op('RandomNormal', [], { shape: [2] }),
  ]);
  b.output(noisy, 'float32', null);
  const model = b.model();
  const folded = await foldConstants(model, { shapes: await measure(model, 4), parameters: ['w'], run: valueRunner });
  expect(folded.graph.nodes.map((n) => n.opType)).toEqual(['Identity', 'Mul', 'Reshape', 'RandomNormal', 'Mul']);
  const reshape = folded.graph.nodes.find((n) => n.opType === 'Reshape')!;
  expect([...numbers(folded.graph.initializers.get(reshape.inputs[1]!)!)]).toEqual([4, 3, -1]);
  expect(folded.graph.initializers.has('w')).toBe(true);
  const all = await foldConstants(model, { shapes: await measure(model, 4), parameters: [], run: valueRunner });
  expect(all.graph.nodes.map((n) => n.opType)).toEqual(['Mul', 'Reshape', 'RandomNormal', 'Mul']);
});

describe("gradients of whole networks against PyTorch's and TensorFlow's in float64", () => {
  it('are there, from both exporters of PyTorch and from tf2onnx', () => {
    const names = networkNames();
    expect(names.length).toBeGreaterThanOrEqual(55);
    expect(names.filter((name) => name.endsWith('-new')).length).toBeGreaterThanOrEqual(25);
    expect(names.filter((name) => name.startsWith('keras_')).length).toBeGreaterThanOrEqual(4);
  });

  it.each(networkNames())('%s', async (name) => {
    const { loss, parameters, byParameter } = await gradientErrors(name, inferenceForm);
    expect(parameters).toBeGreaterThanOrEqual(8);
    expect(loss).toBeLessThan(1e-4);
    const wrong = byParameter.filter(({ error }) => !(error < 1e-4));
    expect(wrong.map((p) => `${p.name}: ${p.error.toExponential(1)} of norm ${p.norm.toExponential(1)}`)).toEqual([]);
  }, 120_000);
});
