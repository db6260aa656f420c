import { describe, expect, it } from 'vitest';
import { trainable } from '../../../src/onnx/describe/trainable.js';
import {
  type Attribute,
  differentiate,
  float,
  type GraphBuilder,
  graphBuilder,
  inlineBranches,
  inlineFunctions,
  type Model,
  type ModelFunction,
  settled,
  standardRules,
  tensor,
} from '../../../src/onnx/index.js';
import { measure, run, type Value, valueRunner } from '../../support/onnx.js';

const X: Value = { dataType: 'float32', dims: [2, 3], data: Float32Array.of(1, -2, 3, -4, 5, -6) };
const attribute = (name: string): Attribute => ({ type: 'reference', value: name, of: 1 });

/** A function of nodes built as a graph; its attribute `alpha` is 0.5 unless a call says otherwise. */
function functionOf(name: string, build: (b: GraphBuilder, x: string) => string, opset = 17): ModelFunction {
  const b = graphBuilder({ opset });
  const y = build(b, b.input('x', 'float32', [2, 3]));
  return {
    name,
    domain: 'local',
    overload: '',
    inputs: ['x'],
    outputs: [y],
    attributes: [],
    attributeDefaults: new Map([['alpha', float(0.5)]]),
    nodes: b.model().graph.nodes,
    opsets: new Map([
      ['', opset],
      ['local', 1],
    ]),
  };
}
const leaky = functionOf('Leaky', (b, x) => b.op('LeakyRelu', [b.op('Neg', [x])], { alpha: attribute('alpha') }));
const twice = functionOf('Twice', (b, x) =>
  b.op('Add', [
    b.op('Leaky', [x], {}, { domain: 'local' }),
    b.op('Leaky', [x], { alpha: float(0.1) }, { domain: 'local' }),
  ]),
);

function calling(): Model {
  const b = graphBuilder({ opset: 17 });
  b.function(leaky);
  b.function(twice);
  const x = b.input('x', 'float32', ['N', 3]);
  b.output(b.op('Twice', [b.op('Twice', [x], {}, { domain: 'local' })], {}, { domain: 'local' }), 'float32', null);
  return b.model();
}

describe('functions written out', () => {
  it('compute the same, nested and called several times, with attributes and defaults', async () => {
    const model = calling();
    const plain = inlineFunctions(model);
    expect(plain.functions).toEqual([]);
    expect(new Set(plain.graph.nodes.map((n) => n.domain))).toEqual(new Set(['']));
    const [before, after] = [await run(model, { x: X }), await run(plain, { x: X })];
    expect(after).toEqual(before);
  });

  it('stay where an operator in them means something else at the opset of the model', () => {
    const old = functionOf('Old', (b, x) => b.op('Softmax', [x]), 11);
    const b = graphBuilder({ opset: 17 });
    b.function(old);
    b.output(b.op('Old', [b.input('x', 'float32', [2, 3])], {}, { domain: 'local' }), 'float32', null);
    const model = b.model();
    expect(inlineFunctions(model)).toBe(model);
  });

  it('are trained and described as what they are made of', async () => {
    const b = graphBuilder({ from: calling(), keepOutputs: [] });
    const y = calling().graph.outputs[0]!.name;
    const loss = b.output(b.op('ReduceSum', [y], { keepdims: 0 }), 'float32', []);
    const { model, shapes } = await settled(b.model(), { parameters: [], size: measure, run: valueRunner });
    const found = await run(differentiate(model, loss, ['x'], shapes), { x: X });
    // Twice is -2x for x < 0 and -0.6x above; twice it is 1.2x everywhere.
    for (const v of found['grad(x)']!.data) expect(Number(v)).toBeCloseTo(1.2, 5);
  });
});

/** As PyTorch writes squeeze(1): an If on whether the axis has one place. */
function branching(): { model: Model; loss: string } {
  const b = graphBuilder({ opset: 17 });
  const x = b.input('x', 'float32', ['N', 1, 3]);
  const w = b.initializer('w', tensor('', 'float32', [3], [1, 2, 3]));
  const size = b.op('Gather', [b.op('Shape', [x]), b.constant(tensor('', 'int64', [], [1]))]);
  const one = b.op('Equal', [size, b.constant(tensor('', 'int64', [], [1]))]);
  const branch = (name: string, build: (inner: GraphBuilder) => string): Attribute => {
    const inner = graphBuilder({ opset: 17, prefix: `${name}/` });
    const y = build(inner);
    const { graph } = inner.model();
    return { type: 'graph', value: { ...graph, outputs: [{ name: y, dataType: 'float32', shape: null }] } };
  };
  const y = b.op('If', [one], {
    then_branch: branch('then', (i) =>
      i.op('Squeeze', [i.op('Mul', [x, w]), i.constant(tensor('', 'int64', [1], [1]))]),
    ),
    else_branch: branch('else', (i) => i.op('Identity', [x])),
  });
  const loss = b.op('ReduceSum', [y], { keepdims: 0 });
  b.output(loss, 'float32', []);
  return { model: b.model(), loss };
}

describe('branches that sizes decide', () => {
  it('are taken, measured and trained', async () => {
    const { model, loss } = branching();
    expect(inlineBranches(model)).toBe(model);
    const plain = await settled(model, { parameters: ['w'], size: measure, run: valueRunner });
    expect(plain.model.graph.nodes.map((n) => n.opType)).toEqual(['Mul', 'Squeeze', 'Identity', 'ReduceSum']);
    const x: Value = { ...X, dims: [2, 1, 3] };
    const found = await run(differentiate(plain.model, loss, ['w'], plain.shapes), { x });
    expect([...found['grad(w)']!.data]).toEqual([-3, 3, -3]);
    expect(found[loss]).toEqual((await run(model, { x }))[loss]);
  });

  it('do not make a model untrainable', () => {
    const { model } = branching();
    expect(trainable(model.graph, model, standardRules())).toMatchObject({
      supported: true,
      unsupportedOperators: [],
      controlFlow: [],
    });
  });

  it('are named where the data decide, though their bodies only capture what is trained', () => {
    const b = graphBuilder({ opset: 17 });
    const x = b.input('x', 'float32', [1, 3]);
    const layer = b.op('MatMul', [x, b.initializer('w', tensor('', 'float32', [3, 3], 1))]);
    const inner = graphBuilder({ opset: 17, prefix: 'then/' });
    const y = inner.op('Relu', [layer]);
    const body = { ...inner.model().graph, outputs: [{ name: y, dataType: 'float32' as const, shape: null }] };
    const condition = b.op('Cast', [b.op('ReduceSum', [x], { keepdims: 0 })], { to: 9 });
    const branch: Attribute = { type: 'graph', value: body };
    b.output(b.op('If', [condition], { then_branch: branch, else_branch: branch }), 'float32', null);
    const model = b.model();
    expect(trainable(model.graph, model, standardRules())).toMatchObject({
      supported: false,
      unsupportedOperators: ['If'],
      controlFlow: ['If'],
    });
  });
});

it('steps that cut layers off from the output are named', () => {
  const b = graphBuilder({ opset: 17 });
  const x = b.input('x', 'float32', ['N', 3]);
  const layer = (from: string, name: string): string =>
    b.op('MatMul', [from, b.initializer(name, tensor('', 'float32', [3, 3], 1))]);
  b.output(layer(b.op('Round', [layer(x, 'below')]), 'above'), 'float32', null);
  const model = b.model();
  expect(trainable(model.graph, model, standardRules()).stops).toEqual(['Round']);
  expect(trainable({ ...model.graph, outputs: [] }, model, standardRules()).supported).toBe(true);
});
