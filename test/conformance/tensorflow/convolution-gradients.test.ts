import { describe, expect, it } from 'vitest';
import { elements, graphBuilder, type Model } from '../../../src/onnx/index.js';
import type { HostTensor } from '../../../workers/executors/executor.js';
import { random } from '../../support/onnx.js';
import { TENSORFLOW, tensorflow } from '../../support/tensorflow.js';

interface Case {
  readonly x: readonly [number, number, number, number];
  readonly out: number;
  readonly kernel: number;
  readonly stride: number;
  /** Above, left, below, right. */
  readonly pads: readonly [number, number, number, number];
  /** Default 1. */
  readonly group?: number;
}
type Dims = readonly [number, number, number, number];

const resultOf = ({ x, out, kernel, stride, pads }: Case): Dims => {
  const size = (i: 0 | 1): number => Math.floor((x[i + 2]! + pads[i]! + pads[i + 2]! - kernel) / stride) + 1;
  return [x[0], out, size(0), size(1)];
};
const weightOf = ({ x, out, kernel, group = 1 }: Case): Dims => [out, x[1] / group, kernel, kernel];

function model(o: Case): Model {
  const b = graphBuilder({ opset: 13, name: 'gradients' });
  const [x, dy, w] = [
    b.input('x', 'float32', [...o.x]),
    b.input('dy', 'float32', [...resultOf(o)]),
    b.input('w', 'float32', [...weightOf(o)]),
  ];
  const window = { kernel_shape: [o.kernel, o.kernel], strides: [o.stride, o.stride], pads: [...o.pads] };
  const shapes = { x_shape: [...o.x], w_shape: [...weightOf(o)], group: o.group ?? 1 };
  const of = (kind: string, from: string[], shape: Dims, name: string): void => {
    const node = b.op(kind, from, { ...window, ...shapes, shape: [...shape] }, { domain: 'graft', outputs: [name] });
    b.output(node, 'float32', [...shape]);
  };
  of('ConvInputGradient', [dy, w], o.x, 'dx');
  of('ConvWeightGradient', [x, dy], weightOf(o), 'dw');
  const made = b.model();
  return { ...made, opsets: new Map([...made.opsets, ['graft', 1]]) };
}

/** Both gradients summed up one product at a time, in float64. */
function reference(o: Case, x: Float32Array, dy: Float32Array, w: Float32Array): Record<'dx' | 'dw', Float64Array> {
  const [n, channels, height, width] = o.x;
  const [, out, down, right] = resultOf(o);
  const [, each] = weightOf(o);
  const k = o.kernel;
  const dx = new Float64Array(x.length);
  const dw = new Float64Array(w.length);
  for (let b = 0; b < n; b++)
    for (let f = 0; f < out; f++)
      for (let i = 0; i < down; i++)
        for (let j = 0; j < right; j++) {
          const g = dy[((b * out + f) * down + i) * right + j]!;
          for (let c = 0; c < each; c++)
            for (let u = 0; u < k; u++)
              for (let v = 0; v < k; v++) {
                const [row, column] = [i * o.stride + u - o.pads[0], j * o.stride + v - o.pads[1]];
                if (row < 0 || column < 0 || row >= height || column >= width) continue;
                const channel = Math.floor((f * channels) / out / each) * each + c;
                const [at, of] = [
                  ((b * channels + channel) * height + row) * width + column,
                  ((f * each + c) * k + u) * k + v,
                ];
                dx[at]! += g * w[of]!;
                dw[of]! += g * x[at]!;
              }
        }
  return { dx, dw };
}

/** The largest difference, as a part of the root mean square. */
function error(made: HostTensor, right: Float64Array): number {
  const scale = Math.sqrt(right.reduce((sum, v) => sum + v * v, 0) / right.length);
  return right.reduce((most, v, i) => Math.max(most, Math.abs(v - (made.data[i] as number))), 0) / scale;
}

const CASES: readonly (readonly [string, Case])[] = [
  ['a small picture', { x: [2, 64, 8, 12], out: 64, kernel: 3, stride: 1, pads: [1, 1, 1, 1] }],
  ['odd sizes', { x: [3, 64, 7, 9], out: 80, kernel: 3, stride: 1, pads: [1, 1, 1, 1] }],
  ['no padding', { x: [1, 96, 7, 6], out: 64, kernel: 3, stride: 1, pads: [0, 0, 0, 0] }],
  ['padding that differs from side to side', { x: [2, 64, 5, 8], out: 64, kernel: 3, stride: 1, pads: [0, 2, 1, 0] }],
  ['one place', { x: [2, 64, 1, 1], out: 64, kernel: 3, stride: 1, pads: [1, 1, 1, 1] }],
  ['stride 2', { x: [2, 32, 8, 10], out: 16, kernel: 3, stride: 2, pads: [1, 1, 1, 1] }],
  ['stride 2 and a row that no window reaches', { x: [1, 8, 10, 9], out: 8, kernel: 3, stride: 2, pads: [0, 1, 0, 1] }],
  ['depthwise, stride 2', { x: [2, 32, 8, 10], out: 32, kernel: 3, stride: 2, pads: [1, 1, 1, 1], group: 32 }],
  ['depthwise, a wide kernel', { x: [2, 16, 9, 8], out: 16, kernel: 5, stride: 2, pads: [2, 2, 2, 2], group: 16 }],
  ['depthwise, stride 3', { x: [1, 20, 12, 13], out: 20, kernel: 4, stride: 3, pads: [1, 1, 1, 1], group: 20 }],
  ['depthwise, few channels', { x: [2, 6, 9, 7], out: 6, kernel: 3, stride: 2, pads: [0, 1, 1, 0], group: 6 }],
  ['depthwise, several of each', { x: [2, 24, 8, 8], out: 48, kernel: 3, stride: 2, pads: [1, 1, 1, 1], group: 24 }],
  ['groups', { x: [2, 32, 8, 8], out: 48, kernel: 3, stride: 2, pads: [1, 1, 1, 1], group: 4 }],
  ['a wide kernel over colours', { x: [2, 3, 14, 16], out: 16, kernel: 7, stride: 2, pads: [3, 3, 3, 3] }],
];

describe.runIf(TENSORFLOW !== null)(
  'gradients of a convolution, call by call and in a graph of the library’s own',
  () => {
    for (const training of [false, true])
      it.each(CASES)(`as a graph: ${training}; %s`, async (_name, o) => {
        const program = await tensorflow().compile(model(o), { training });
        const next = random(5);
        const some = (dims: Dims): Float32Array => Float32Array.from({ length: elements(dims) }, () => next() - 0.5);
        const [x, dy, w] = [some(o.x), some(resultOf(o)), some(weightOf(o))];
        const fed = (dims: Dims, data: Float32Array): HostTensor => ({ dataType: 'float32', dims, data });
        const feeds = { x: fed(o.x, x), dy: fed(resultOf(o), dy), w: fed(weightOf(o), w) };
        const { dx, dw } = await program.run(feeds, ['dx', 'dw']);
        const right = reference(o, x, dy, w);
        expect(error(dx!, right.dx)).toBeLessThan(5e-6);
        expect(error(dw!, right.dw)).toBeGreaterThan(0);
        expect(error(dw!, right.dw)).toBeLessThan(3e-6);
        await program.dispose();
      });
  },
);
