import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  blockedLayout,
  decodeModel,
  differentiate,
  foldConstants,
  gradientName,
  graphBuilder,
  type Model,
  numbers as numbersOf,
  stated,
  tensor,
} from '../../../src/onnx/index.js';
import { blockOfChannels } from '../../../workers/executors/onnxruntime-blocks.js';
import { measure, run, type Value, valueRunner } from '../../support/onnx.js';

/** Graphs of torchvision's networks and PyTorch's gradients of them; made by test/fixtures/networks.py. */
const FOLDER = new URL('../../fixtures/networks/', import.meta.url);
const [OUTPUT, SIGNS, INPUT] = [1_000_001, 2_000_003, 3_000_017];

interface Fixture {
  readonly input: readonly number[];
  readonly loss: number;
  readonly tensors: readonly { name: string; dims: readonly number[]; offset: number; amplitude: number }[];
  readonly gradients: Readonly<
    Record<string, { norm: number; projections: readonly number[]; at: readonly number[]; values: readonly number[] }>
  >;
}

/** In [-1, 1): the same as `numbers` of the script, bit for bit. */
function numbers(place: number, count: number): Float64Array {
  const shift = Number((BigInt(place) * 0x85ebca77n) % 0x100000000n);
  return Float64Array.from({ length: count }, (_, i) => {
    let x = (Math.imul(i, 0x9e3779b1) + shift) >>> 0;
    x = (x ^ (x >>> 16)) >>> 0;
    x = Math.imul(x, 0x7feb352d) >>> 0;
    x = (x ^ (x >>> 15)) >>> 0;
    x = Math.imul(x, 0x846ca68b) >>> 0;
    x = (x ^ (x >>> 16)) >>> 0;
    return x / 2 ** 31 - 1;
  });
}
const size = (dims: readonly number[]): number => dims.reduce((n, d) => n * d, 1);
const value = (dims: readonly number[], data: ArrayLike<number>): Value => ({
  dataType: 'float32',
  dims,
  data: Float32Array.from(data),
});

/** The loss of the script: sum(output * numbers). */
function withLoss(model: Model, outputs: number): Model {
  const output = model.graph.outputs[0]!.name;
  const b = graphBuilder({ from: model, keepOutputs: [], prefix: 'test/' });
  const flat = b.op('Reshape', [output, b.constant(tensor('', 'int64', [1], [-1]))]);
  const weights = b.constant(tensor('', 'float32', [outputs], numbers(OUTPUT, outputs)));
  const axes = b.constant(tensor('', 'int64', [1], [0]));
  b.op('ReduceSum', [b.op('Mul', [flat, weights]), axes], { keepdims: 0 }, { outputs: ['loss'] });
  b.output('loss', 'float32', []);
  return b.model();
}

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
  expect([...numbersOf(folded.graph.initializers.get(reshape.inputs[1]!)!)]).toEqual([4, 3, -1]);
  expect(folded.graph.initializers.has('w')).toBe(true);
  const all = await foldConstants(model, { shapes: await measure(model, 4), parameters: [], run: valueRunner });
  expect(all.graph.nodes.map((n) => n.opType)).toEqual(['Mul', 'Reshape', 'RandomNormal', 'Mul']);
});

describe("gradients of torchvision's networks against PyTorch's in float64", () => {
  const names = readdirSync(FOLDER).filter((file) => file.endsWith('.json'));
  it('are there', () => expect(names.length).toBeGreaterThanOrEqual(15));

  it.each(names.map((file) => file.replace('.json', '')))('%s', async (name) => {
    const fixture = JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')) as Fixture;
    const model = decodeModel(readFileSync(new URL(`${name}.onnx`, FOLDER)));
    const feeds: Record<string, Value> = { input: value(fixture.input, numbers(INPUT, size(fixture.input))) };
    fixture.tensors.forEach(({ name: at, dims, offset, amplitude }, i) => {
      feeds[at] = value(
        dims,
        numbers(i, size(dims)).map((u) => offset + amplitude * u),
      );
    });
    const parameters = Object.keys(fixture.gradients);
    const batch = fixture.input[0]!;
    const plain = withLoss(model, batch * 5);
    const shapes = await measure(plain, batch);
    const forward = await foldConstants(plain, { shapes, parameters, run: valueRunner });
    const standard = differentiate(forward, 'loss', parameters, shapes);
    const block = await blockOfChannels();
    const stating = stated(standard, shapes, [...parameters, ...forward.graph.nodes.flatMap((node) => node.outputs)]);
    const models = block === null ? [standard] : [standard, blockedLayout(stating, block)];
    for (const each of models) expect(faults(await run(each, feeds), fixture)).toEqual([]);
  }, 120_000);

  /** Parameters whose gradient is not PyTorch's. */
  function faults(found: Record<string, Value>, fixture: Fixture): readonly string[] {
    const wrong: string[] = [];
    const scale = Math.max(1, Math.abs(fixture.loss));
    if (!(Math.abs(Number(found.loss!.data[0]) - fixture.loss) / scale < 1e-3)) wrong.push('loss');
    for (const [parameter, expected] of Object.entries(fixture.gradients)) {
      const data = Float64Array.from(found[gradientName(parameter)]!.data as Float32Array);
      const norm = Math.sqrt(data.reduce((s, x) => s + x * x, 0));
      const signs = [0, 1].map((k) => numbers(SIGNS + k, data.length));
      const projections = signs.map((s) => data.reduce((sum, x, i) => sum + (s[i]! < 0 ? -x : x), 0));
      // All relative to the gradient's own norm: a projection on n random signs is about as large.
      const errors = [
        norm - expected.norm,
        ...projections.map((p, i) => p - expected.projections[i]!),
        ...expected.at.map((at, i) => data[at]! - expected.values[i]!),
      ].map((e) => Math.abs(e) / Math.max(expected.norm, 1e-6));
      const most = Math.max(...errors);
      if (!(most < 1e-3))
        wrong.push(`${parameter}: ${most.toExponential(1)} of norm ${expected.norm.toExponential(1)}`);
    }
    return wrong;
  }
});
