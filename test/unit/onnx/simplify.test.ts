import { describe, expect, it } from 'vitest';
import {
  differentiate,
  float,
  gradientName,
  graphBuilder,
  inferenceForm,
  layoutOf,
  type Model,
  parameterLayers,
  simplified,
  tensor,
  withDynamicBatch,
} from '../../../src/onnx/index.js';
import { maxDifference, measure, random, randomValue, run, type Value } from '../../support/onnx.js';

const ops = (model: Model): readonly string[] => model.graph.nodes.map((n) => n.opType);
const ints = (values: readonly number[]) => tensor('', 'int64', [values.length], values);

describe('simplified', () => {
  it('computes every value once and leaves out what only passes on', async () => {
    const b = graphBuilder({ opset: 17 });
    const x = b.input('x', 'float32', ['N', 4]);
    const w = b.initializer('w', tensor('', 'float32', [4], [1, 2, 3, 4]));
    // Single numbers may be one, what training could move may not.
    const other = b.initializer('other', tensor('', 'float32', [], 3));
    const again = b.initializer('again', tensor('', 'float32', [], 3));
    const twin = b.initializer('twin', tensor('', 'float32', [4], [1, 2, 3, 4]));
    const half = b.op('Mul', [b.op('Identity', [x]), b.op('Cast', [w], { to: 1 })]);
    const same = b.op('Mul', [b.op('Dropout', [x]), w]);
    const third = b.op('Add', [b.op('Mul', [x, other]), b.op('Mul', [b.op('Mul', [x, again]), twin])]);
    b.op('Exp', [third]);
    const backwards = b.op('Slice', [
      b.op('Sub', [half, same]),
      ...[[-1], [-(2 ** 40)], [1], [-1]].map((v) => b.constant(ints(v))),
    ]);
    const sum = b.op('Add', [b.op('Reshape', [backwards, b.constant(ints([0, 4]))]), third]);
    b.output(b.op('Identity', [sum], {}, { outputs: ['y'] }), 'float32', ['N', 4]);
    b.output(b.op('Identity', [sum], {}, { outputs: ['z'] }), 'float32', ['N', 4]);
    const model = b.model();
    const slim = simplified(model, { shapes: await measure(model), parameters: ['w'] });
    // One product with the parameter, one with the number, one of that; what is given out keeps its name.
    expect(ops(slim)).toEqual(['Mul', 'Mul', 'Mul', 'Add', 'Sub', 'Slice', 'Add', 'Identity', 'Identity']);
    expect(
      [...slim.graph.initializers.keys()].filter((name) => ['w', 'other', 'again', 'twin'].includes(name)),
    ).toEqual(['w', 'other', 'twin']);
    const feeds = { x: randomValue([3, 4], random(1)) };
    const [before, after] = [await run(model, feeds), await run(slim, feeds)];
    for (const name of ['y', 'z']) expect(maxDifference(before[name]!, after[name]!)).toBe(0);
  });

  it('leaves random numbers apart, attributes and missing outputs too', () => {
    const b = graphBuilder({ opset: 17 });
    const x = b.input('x', 'float32', [2, 2]);
    const noise = [0, 1].map(() => b.op('RandomNormal', [], { shape: [2, 2] }));
    const soft = [0, 1, 1].map((axis) => b.op('Softmax', [x], { axis }));
    const leaky = [0.1, 0.1, 0.2].map((alpha) => b.op('LeakyRelu', [x], { alpha: float(alpha) }));
    b.output(b.op('Sum', [...noise, ...soft, ...leaky]), 'float32', [2, 2]);
    expect(ops(simplified(b.model()))).toEqual([
      'RandomNormal',
      'RandomNormal',
      'Softmax',
      'Softmax',
      'LeakyRelu',
      'LeakyRelu',
      'Sum',
    ]);
  });

  it('renames what the bodies of control flow capture', async () => {
    const body = graphBuilder({ opset: 17 });
    body.output(body.op('Neg', ['doubled']), 'float32', null);
    const inner = body.model().graph;
    const b = graphBuilder({ opset: 17 });
    const x = b.input('x', 'float32', [2]);
    const twice = b.op('Add', [x, x]);
    b.op('Identity', [twice], {}, { outputs: ['doubled'] });
    const branch = { type: 'graph' as const, value: inner };
    b.output(
      b.op('If', [b.constant(tensor('', 'bool', [], 1))], { then_branch: branch, else_branch: branch }),
      'float32',
      [2],
    );
    const slim = simplified(b.model());
    expect(ops(slim)).toEqual(['Add', 'If']);
    const out = Object.values(
      await run(slim, { x: { dataType: 'float32', dims: [2], data: Float32Array.of(1, 2) } }),
    )[0]!;
    expect([...out.data]).toEqual([-2, -4]);
  });
});

describe('models exported while they trained', () => {
  it('normalise by given statistics, drop nothing, and take the mean of what is random', async () => {
    const b = graphBuilder({ opset: 17 });
    const x = b.input('x', 'float32', ['N', 3, 4, 4]);
    const of = (name: string, values: readonly number[]) => b.initializer(name, tensor('', 'float32', [3], values));
    const statistics = [
      of('scale', [1, 2, 3]),
      of('bias', [0, 1, 0]),
      of('mean', [0.1, 0.2, 0.3]),
      of('variance', [1, 2, 3]),
    ];
    const [normal] = b.ops('BatchNormalization', [x, ...statistics], { training_mode: 1 }, { outputs: 3 });
    const trains = b.constant(tensor('', 'bool', [], 1));
    const [dropped] = b.ops(
      'Dropout',
      [normal!, b.constant(tensor('', 'float32', [], 0.5)), trains],
      {},
      { outputs: ['dropped', 'mask'] },
    );
    const keep = b.constant(tensor('', 'float32', [], 0.8));
    const rows = b.op('ReduceMean', [x], { axes: [1, 2, 3], keepdims: 1 });
    const stays = b.op('Cast', [b.op('Less', [b.op('RandomUniformLike', [rows]), keep])], { to: 1 });
    const depth = b.op('Mul', [dropped!, b.op('Div', [stays, keep])]);
    const floor = b.op('Floor', [b.op('Add', [keep, b.op('RandomUniformLike', [rows])])]);
    b.output(b.op('Mul', [b.op('Div', [depth, keep]), floor], {}, { outputs: ['y'] }), 'float32', null);
    const still = inferenceForm(b.model());
    const plain = graphBuilder({ opset: 17 });
    const at = plain.input('x', 'float32', ['N', 3, 4, 4]);
    for (const [name, value] of b.model().graph.initializers)
      if (value.dims.length === 1) plain.initializer(name, value);
    plain.output(plain.op('BatchNormalization', [at, ...statistics], {}, { outputs: ['y'] }), 'float32', null);
    const feeds = { x: randomValue([2, 3, 4, 4], random(2)) };
    const [found, wanted] = [await run(still, feeds), await run(plain.model(), feeds)];
    expect(maxDifference(found.y!, wanted.y!)).toBeLessThan(1e-6);
    expect(still.graph.nodes.flatMap((n) => n.outputs)).toContain('dropped');
    expect(inferenceForm(still)).toBe(still);
  });
});

describe('layers of transformers', () => {
  /** Tokens, a transposed weight that is used twice, scale and shift spelled out, places added, a mask. */
  function block(): Model {
    const b = graphBuilder({ opset: 17 });
    const x = b.input('x', 'float32', ['N', 5, 4]);
    const next = random(4);
    const weight = (name: string, dims: readonly number[]) =>
      b.initializer(
        name,
        tensor(
          '',
          'float32',
          dims,
          Float32Array.from({ length: dims.reduce((n, d) => n * d, 1) }, () => next() - 0.5),
        ),
      );
    const shared = b.op('Transpose', [b.op('Identity', [weight('shared', [4, 4])])], { perm: [1, 0] });
    const placed = b.op('Add', [b.op('MatMul', [x, weight('embed', [4, 4])]), weight('places', [1, 5, 4])]);
    const query = b.op('Add', [b.op('MatMul', [placed, shared]), weight('query.bias', [4])]);
    const scores = b.op('MatMul', [query, b.op('Transpose', [placed], { perm: [0, 2, 1] })]);
    const hidden = Float32Array.from({ length: 25 }, (_, i) => (i % 5 > Math.floor(i / 5) ? -100 : 0));
    const masked = b.op('Add', [scores, b.initializer('mask', tensor('', 'float32', [5, 5], hidden))]);
    const mixed = b.op('MatMul', [b.op('Softmax', [masked], { axis: -1 }), b.op('MatMul', [placed, shared])]);
    const residual = b.op('Add', [placed, mixed]);
    const centred = b.op('Sub', [residual, b.op('ReduceMean', [residual], { axes: [2] })]);
    const scaled = b.op('Add', [b.op('Mul', [centred, weight('gamma', [4])]), weight('beta', [4])]);
    b.output(b.op('ReduceMean', [scaled], { axes: [1], keepdims: 0 }, { outputs: ['y'] }), 'float32', ['N', 4]);
    return b.model();
  }

  it('are its weights; scales, shifts and places belong to one, and a mask to none', () => {
    expect(parameterLayers(block().graph).map((l) => [l.kind, ...l.parameters])).toEqual([
      ['MatMul', 'embed', 'places'],
      ['MatMul', 'shared', 'query.bias'],
      // The third product shares its weight with the second; what follows it is its own.
      ['MatMul', 'gamma', 'beta'],
    ]);
  });

  it('a tied weight gets the sum of the gradients of its uses', async () => {
    const model = block();
    const apart = {
      ...model,
      graph: {
        ...model.graph,
        nodes: [
          ...model.graph.nodes.slice(0, 2),
          { ...model.graph.nodes[0]!, name: '', inputs: ['second'], outputs: ['second/i'] },
          { ...model.graph.nodes[1]!, name: '', inputs: ['second/i'], outputs: ['second/t'] },
          ...model.graph.nodes.slice(2),
        ].map((n, _, all) =>
          n === all.filter((m) => m.opType === 'MatMul')[3] ? { ...n, inputs: [n.inputs[0]!, 'second/t'] } : n,
        ),
        initializers: new Map([
          ...model.graph.initializers,
          ['second', { ...model.graph.initializers.get('shared')!, name: 'second' }],
        ]),
      },
    };
    const feeds = { x: randomValue([2, 5, 4], random(5)) };
    const gradients = async (m: Model, parameters: readonly string[]): Promise<Value[]> => {
      const b = graphBuilder({ from: m, keepOutputs: [] });
      b.output(b.op('ReduceSum', [b.op('Mul', ['y', 'y'])], { keepdims: 0 }, { outputs: ['loss'] }), 'float32', []);
      const graph = differentiate(b.model(), 'loss', parameters, await measure(b.model()));
      const found = await run(graph, feeds);
      return parameters.map((name) => found[gradientName(name)]!);
    };
    const [tied] = await gradients(model, ['shared']);
    const [first, second] = await gradients(apart, ['shared', 'second']);
    expect(maxDifference(first!, second!)).toBeGreaterThan(1e-3);
    for (const [i, g] of tied!.data.entries())
      expect(Number(g)).toBeCloseTo(Number(first!.data[i]) + Number(second!.data[i]), 5);
  });
});

describe('layoutOf', () => {
  it('tells maps, maps with channels last, tokens and rows by the operators that made them', () => {
    const b = graphBuilder({ opset: 17 });
    const x = b.input('x', 'float32', ['N', 3, 8, 8]);
    const w = b.initializer('w', tensor('', 'float32', [4, 3, 2, 2], 0.1));
    const square = b.initializer('square', tensor('', 'float32', [4, 4], 0.1));
    const map = b.op('Relu', [b.op('Conv', [x, w], { strides: [2, 2] })]);
    const gate = b.op('Sigmoid', [b.op('GlobalAveragePool', [map])]);
    const last = b.op('Transpose', [map], { perm: [0, 2, 3, 1] });
    const tokens = b.op('Transpose', [b.op('Reshape', [map, b.constant(ints([0, 4, -1]))])], { perm: [0, 2, 1] });
    const layouts = {
      gated: b.op('Mul', [gate, map]),
      pooled: b.op('Flatten', [b.op('GlobalAveragePool', [map])]),
      last: b.op('Add', [b.op('MatMul', [last, square]), last]),
      back: b.op('Transpose', [last], { perm: [0, 3, 1, 2] }),
      tokens: b.op('Add', [b.op('MatMul', [tokens, square]), tokens]),
      picked: b.op('Gather', [tokens, b.constant(tensor('', 'int64', [], 0))], { axis: 1 }),
    };
    const found = Object.entries(layouts).map(([name, at]) => [name, layoutOf(b.model().graph, at)]);
    expect(Object.fromEntries(found)).toEqual({
      gated: 'map',
      pooled: 'row',
      last: 'lastMap',
      back: 'map',
      tokens: 'tokens',
      picked: 'row',
    });
  });
});

describe('a file fixed to one example', () => {
  it('runs with more where the number stands in the sizes of its Reshapes', async () => {
    const b = graphBuilder({ opset: 13 });
    const x = b.input('x', 'float32', [1, 4, 6]);
    const w = b.initializer('w', tensor('', 'float32', [6], [1, 2, 3, 4, 5, 6]));
    const row = b.op('Reshape', [w, b.constant(ints([1, 1, 6]))]);
    const heads = b.op('Reshape', [b.op('Mul', [x, row]), b.constant(ints([1, 4, 2, 3]))]);
    const turned = b.op('Reshape', [b.op('Transpose', [heads], { perm: [0, 2, 1, 3] }), b.constant(ints([1, 2, -1]))]);
    b.output(b.op('Reshape', [turned, b.constant(ints([1, -1]))], {}, { outputs: ['y'] }), 'float32', [1, 24]);
    const [one, two] = [randomValue([1, 4, 6], random(6)), randomValue([1, 4, 6], random(7))];
    const both = { ...one, dims: [2, 4, 6], data: Float32Array.from([...one.data, ...two.data].map(Number)) };
    const out = (await run(withDynamicBatch(b.model()), { x: both })).y!;
    expect(out.dims).toEqual([2, 24]);
    const apart = await Promise.all([one, two].map(async (v) => (await run(b.model(), { x: v })).y!));
    expect([...out.data]).toEqual(apart.flatMap((v) => [...v.data]));
  });
});
