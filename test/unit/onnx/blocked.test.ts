import { expect, it } from 'vitest';
import {
  blockedLayout,
  differentiate,
  type GraphBuilder,
  graphBuilder,
  inferShapes,
  liveBatchNorm,
  lowerLive,
  type Model,
  stated,
  tensor,
} from '../../../src/onnx/index.js';
import { blockOfChannels } from '../../../workers/executors/onnxruntime-blocks.js';
import { measure, random, run, type Value } from '../../support/onnx.js';

/** A small network: its input's size, and what it is made of. */
interface Net {
  readonly name: string;
  readonly input: readonly number[];
  readonly opset?: number;
  readonly live?: boolean;
  readonly mostInPhases?: number;
  /** Operators of the standard domain that must be gone. */
  readonly gone: readonly string[];
  build(b: GraphBuilder, x: string, weight: (name: string, dims: readonly number[]) => string): string;
}

const conv = (
  b: GraphBuilder,
  x: string,
  w: string,
  bias: string | null,
  attributes: Record<string, number | readonly number[] | string> = {},
): string => b.op('Conv', bias === null ? [x, w] : [x, w, bias], attributes);
const relu6 = (b: GraphBuilder, x: string): string =>
  b.op('Clip', [x, b.constant(tensor('', 'float32', [], 0)), b.constant(tensor('', 'float32', [], 6))]);

const NETS: readonly Net[] = [
  {
    name: 'an inverted residual of channels that are no whole blocks',
    input: [3, 24, 6, 5],
    gone: ['Conv', 'ConvTranspose'],
    build(b, x, w) {
      const wide = relu6(b, conv(b, x, w('w1', [40, 24, 1, 1]), w('b1', [40])));
      const deep = relu6(b, conv(b, wide, w('w2', [40, 1, 3, 3]), w('b2', [40]), { group: 40, pads: [1, 1, 1, 1] }));
      return b.op('Add', [x, conv(b, deep, w('w3', [24, 40, 1, 1]), w('b3', [24]))]);
    },
  },
  {
    name: 'strided depthwise, sizes that leave a rest, and a strided point',
    input: [2, 16, 9, 8],
    gone: ['Conv', 'ConvTranspose'],
    build(b, x, w) {
      const a = conv(b, x, w('w1', [16, 1, 3, 3]), null, { group: 16, pads: [1, 1, 1, 1], strides: [2, 2] });
      const even = conv(b, b.op('Relu', [a]), w('w2', [16, 1, 5, 5]), null, {
        group: 16,
        pads: [2, 2, 2, 2],
        strides: [2, 1],
      });
      return conv(b, even, w('w3', [20, 16, 1, 1]), w('b3', [20]), { strides: [2, 2] });
    },
  },
  {
    name: 'strided depthwise of large maps: zeros between the places',
    input: [2, 16, 9, 8],
    mostInPhases: 10,
    gone: ['Conv', 'ConvTranspose'],
    build: (b, x, w) =>
      conv(b, b.op('Relu', [x]), w('w1', [16, 1, 5, 3]), null, { group: 16, pads: [2, 1, 2, 1], strides: [2, 3] }),
  },
  {
    name: 'dense kernels: a picture of three channels, strides, dilations, SAME, one example',
    input: [1, 3, 12, 11],
    gone: [],
    build(b, x, w) {
      const stem = b.op('Relu', [
        conv(b, x, w('w1', [16, 3, 3, 3]), w('b1', [16]), { strides: [2, 2], pads: [1, 1, 1, 1] }),
      ]);
      const wide = conv(b, stem, w('w2', [32, 16, 3, 3]), null, { dilations: [2, 2], pads: [2, 2, 2, 2] });
      const same = conv(b, b.op('Sigmoid', [wide]), w('w3', [16, 32, 2, 3]), w('b3', [16]), { auto_pad: 'SAME_UPPER' });
      return conv(b, same, w('w4', [16, 16, 3, 3]), null, { strides: [2, 2], pads: [1, 1, 1, 1] });
    },
  },
  {
    name: 'a picture of one channel, a large kernel',
    input: [2, 1, 9, 8],
    gone: [],
    build(b, x, w) {
      const stem = b.op('Relu', [conv(b, x, w('w1', [16, 1, 3, 3]), w('b1', [16]), { pads: [1, 1, 1, 1] })]);
      return conv(b, stem, w('w2', [24, 16, 6, 5]), null, { pads: [3, 2, 2, 2] });
    },
  },
  {
    name: 'pictures of three channels, tall kernels: strides, an even picture',
    input: [2, 3, 14, 16],
    gone: [],
    build(b, x, w) {
      const stem = conv(b, x, w('w1', [16, 3, 7, 7]), w('b1', [16]), { strides: [2, 2], pads: [3, 3, 3, 3] });
      return conv(b, b.op('Relu', [stem]), w('w2', [16, 16, 3, 3]), null);
    },
  },
  {
    name: 'pictures of three channels, tall kernels: strides that leave a rest, no padding',
    input: [2, 3, 17, 13],
    gone: [],
    build(b, x, w) {
      const stem = conv(b, x, w('w1', [16, 3, 3, 9]), w('b1', [16]), { strides: [5, 3] });
      return conv(b, b.op('Relu', [stem]), w('w2', [16, 16, 2, 2]), null);
    },
  },
  {
    name: 'pictures of two channels, tall kernels: dilations, uneven padding',
    input: [1, 2, 11, 12],
    gone: [],
    build(b, x, w) {
      const stem = conv(b, x, w('w1', [8, 2, 4, 5]), w('b1', [8]), { dilations: [2, 1], pads: [1, 0, 4, 3] });
      return conv(b, b.op('Relu', [stem]), w('w2', [16, 8, 3, 3]), null);
    },
  },
  {
    name: 'many channels on small maps, no whole blocks: strides, a point',
    input: [2, 24, 5, 4],
    gone: ['Conv'],
    build(b, x, w) {
      const wide = b.op('Relu', [conv(b, x, w('w1', [44, 24, 3, 3]), w('b1', [44]), { pads: [1, 1, 1, 1] })]);
      const small = b.op('Mul', [wide, b.constant(tensor('', 'float32', [], 0.02))]);
      const less = conv(b, small, w('w2', [36, 44, 3, 3]), null, { strides: [2, 2], pads: [1, 0, 1, 1] });
      return conv(b, b.op('Relu', [less]), w('w3', [52, 36, 1, 1]), w('b3', [52]));
    },
  },
  {
    name: 'squeeze and excitation, pooling, scales per channel',
    input: [2, 16, 8, 8],
    gone: ['GlobalAveragePool'],
    build(b, x, w) {
      const y = b.op('HardSwish', [conv(b, x, w('w1', [32, 16, 3, 3]), w('b1', [32]), { pads: [1, 1, 1, 1] })]);
      const squeezed = b.op('GlobalAveragePool', [y]);
      const gate = b.op('HardSigmoid', [conv(b, squeezed, w('w2', [32, 32, 1, 1]), w('b2', [32]))]);
      const scaled = b.op('Mul', [b.op('Mul', [y, gate]), w('scale', [32, 1, 1])]);
      return b.op('AveragePool', [b.op('MaxPool', [scaled], { kernel_shape: [2, 2], strides: [2, 2] })], {
        kernel_shape: [3, 3],
        pads: [1, 1, 1, 1],
        strides: [2, 2],
      });
    },
  },
  {
    name: 'live statistics',
    input: [3, 8, 5, 5],
    live: true,
    gone: ['BatchNormalization'],
    build(b, x, w) {
      const norm = (y: string, at: string, c: number): string =>
        b.op('BatchNormalization', [y, w(`s${at}`, [c]), w(`b${at}`, [c]), w(`m${at}`, [c]), w(`v${at}`, [c])]);
      const y = relu6(b, norm(conv(b, x, w('w1', [24, 8, 3, 3]), null, { pads: [1, 1, 1, 1] }), '1', 24));
      return norm(conv(b, y, w('w2', [16, 24, 1, 1]), null), '2', 16);
    },
  },
  {
    name: 'channels and groups that have no blocks stay plain beside those that have',
    input: [2, 16, 5, 5],
    gone: [],
    build(b, x, w) {
      const odd = b.op('Relu', [conv(b, x, w('w1', [18, 16, 1, 1]), null)]);
      const grouped = conv(b, odd, w('w2', [18, 9, 3, 3]), null, { group: 2, pads: [1, 1, 1, 1] });
      const both = b.op('Concat', [conv(b, grouped, w('w3', [16, 18, 1, 1]), null), x], { axis: 1 });
      return conv(b, both, w('w4', [16, 32, 1, 1]), null);
    },
  },
];

async function graphOf(net: Net): Promise<{ model: Model; feeds: Record<string, Value> }> {
  const next = random(net.input.join('').length + net.name.length);
  const b = graphBuilder({ opset: net.opset ?? 17 });
  const feeds: Record<string, Value> = {};
  const filled = (name: string, dims: readonly number[], positive: boolean): Value => {
    const n = dims.reduce((p, d) => p * d, 1);
    const data = Float32Array.from({ length: n }, () => (positive ? 0.5 + next() : next() * 2 - 1));
    feeds[name] = { dataType: 'float32', dims, data };
    return feeds[name];
  };
  const x = b.input('x', 'float32', net.input);
  filled('x', net.input, false);
  const parameters: string[] = ['x'];
  const y = net.build(b, x, (name, dims) => {
    const statistic = /^[mv]\d/.test(name);
    const values = filled(name, dims, name.startsWith('v'));
    if (!statistic) parameters.push(name);
    if (!net.live) return b.input(name, 'float32', dims);
    return b.initializer(name, tensor(name, 'float32', dims, values.data as Float32Array));
  });
  const flat = b.op('Reshape', [y, b.constant(tensor('', 'int64', [1], [-1]))]);
  // No sum of squares: behind a normalisation by live statistics that would hardly change with anything.
  const bent = b.op('Mul', [flat, b.op('Sin', [b.op('Mul', [flat, b.constant(tensor('', 'float32', [], 3))])])]);
  b.op('ReduceSum', [bent, b.constant(tensor('', 'int64', [1], [0]))], { keepdims: 0 }, { outputs: ['loss'] });
  b.output('loss', 'float32', []);
  const plain = b.model();
  const forward = net.live ? liveBatchNorm(plain, await measure(plain)).model : plain;
  const shapes = await measure(net.live ? lowerLive(forward, await measure(plain)) : forward);
  const whole = lowerLive(differentiate(forward, 'loss', parameters, shapes), shapes);
  const names = [...parameters, ...forward.graph.nodes.flatMap((node) => node.outputs)];
  return { model: stated(whole, shapes, names), feeds: net.live ? { x: feeds.x as Value } : feeds };
}

it('finds how many channels go together, or that none do', async () => {
  const block = await blockOfChannels();
  expect([null, 4, 8, 16]).toContain(block);
  if (process.arch === 'x64') expect(block).not.toBeNull();
});

it.each(NETS.map((net) => [net.name, net] as const))('blocked, the same gradients: %s', async (_, net) => {
  const block = await blockOfChannels();
  const { model, feeds } = await graphOf(net);
  const laid = blockedLayout(model, block ?? 16, net.mostInPhases);
  const left = new Set(laid.graph.nodes.filter((n) => n.domain === '').map((n) => n.opType));
  for (const opType of net.gone) expect(left, opType).not.toContain(opType);
  expect(laid.graph.nodes.filter((n) => n.opType === 'Conv' && n.domain !== '').length).toBeGreaterThan(1);
  // A processor without such convolutions never runs them.
  if (block === null) return;
  const [expected, found] = [await run(model, feeds), await run(laid, feeds)];
  for (const [name, { dims, data }] of Object.entries(expected)) {
    const other = found[name] as Value;
    expect(other.dims, name).toEqual(dims);
    const values = Float64Array.from(data as Float32Array);
    const most = values.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-3);
    const error = values.reduce((m, v, i) => Math.max(m, Math.abs(v - Number(other.data[i]))), 0);
    expect(error / most, name).toBeLessThan(1e-4);
  }
});

it('infers what gradients are made of, and nothing that it does not know', () => {
  const b = graphBuilder({ opset: 17 });
  const [x, y] = [b.input('x', 'float32', [2, 3, 4]), b.input('y', 'float32', ['N', 4])];
  const sum = b.op('ReduceSum', [x, b.constant(tensor('', 'int64', [1], [-1]))], { keepdims: 0 });
  const mask = b.op('Less', [x, b.constant(tensor('', 'float32', [4], 1))]);
  const flat = b.op('Reshape', [x, b.constant(tensor('', 'int64', [2], [0, -1]))]);
  const product = b.op('Gemm', [flat, flat], { transB: 1 });
  const unknown = b.op('Add', [y, y]);
  const shapes = inferShapes(b.model());
  expect(shapes.get(sum)?.dims).toEqual([2, 3]);
  expect(shapes.get(mask)).toEqual({ dataType: 'bool', dims: [2, 3, 4] });
  expect(shapes.get(flat)?.dims).toEqual([2, 12]);
  expect(shapes.get(product)?.dims).toEqual([2, 2]);
  expect(shapes.has(unknown)).toBe(false);
});
