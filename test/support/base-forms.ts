import type { Preprocessing } from '../../src/domain/types.js';
import { DATA_TYPES, type DataType, graphBuilder, type Model, type Tensor, tensor } from '../../src/onnx/index.js';
import { fileOf } from './predict.js';

const SIDE = 32;
const WIDTH = 8;

const weights = (count: number, seed: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.sin((i + 1) * 12.9898 + seed * 78.233) * 0.2);

/** An IEEE half, cut off: sign, 5 bits of exponent, 10 of mantissa. */
function halfBits(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0]!;
  const exponent = ((bits >>> 23) & 255) - 112;
  return exponent <= 0 ? 0 : ((bits >>> 16) & 0x8000) | (exponent << 10) | ((bits >>> 13) & 0x3ff);
}
function stored(as: 'float32' | 'float16', dims: readonly number[], values: readonly number[]): Tensor {
  if (as === 'float32') return tensor('', 'float32', dims, values);
  return { name: '', dataType: 'float16', dims, data: new Uint8Array(Uint16Array.from(values, halfBits).buffer) };
}

export interface BaseForm {
  readonly batch?: number | 'N';
  readonly layout?: 'NCHW' | 'NHWC';
  readonly channels?: 1 | 3;
  readonly input?: DataType;
  /** Type of the weights and, where the input is of it too, of the arithmetic. */
  readonly weights?: 'float32' | 'float16';
  readonly says?: Partial<Preprocessing>;
}
/** Convolution, activation, average, and the ways in which exporters flatten. */
export function baseOf(form: BaseForm): Uint8Array {
  const { batch = 'N', layout = 'NCHW', channels = 3, input = 'float32', weights: kept = 'float32', says } = form;
  const b = graphBuilder({ opset: 13, name: 'form' });
  const size = layout === 'NCHW' ? [batch, channels, SIDE, SIDE] : [batch, SIDE, SIDE, channels];
  let x = b.input('image', input, size);
  const computed = input === 'float16' ? 'float16' : 'float32';
  if (input === 'uint8') x = b.op('Cast', [x], { to: DATA_TYPES.indexOf('float32') });
  if (says?.scale === 1) x = b.op('Div', [x, b.constant(stored(computed, [], [64]))]);
  if (layout === 'NHWC') x = b.op('Transpose', [x], { perm: [0, 3, 1, 2] });
  const weight = (name: string, dims: readonly number[], seed: number): string => {
    const count = dims.reduce((n, d) => n * d, 1);
    const constant = b.initializer(name, stored(kept, dims, weights(count, seed)));
    return kept === computed ? constant : b.op('Cast', [constant], { to: DATA_TYPES.indexOf(computed) });
  };
  x = b.op('Relu', [b.op('Conv', [x, weight('conv', [WIDTH, channels, 4, 4], 1)], { strides: [4, 4] })]);
  x = b.op('GlobalAveragePool', [x]);
  const shape = typeof batch === 'number' ? [batch, -1] : [0, -1];
  x = b.op('Reshape', [x, b.constant(tensor('', 'int64', [2], shape))]);
  x = b.op('Gemm', [x, weight('fc', [WIDTH, 6], 2)]);
  b.output(b.op('Identity', [x], {}, { outputs: ['logits'] }), computed, [batch, 6]);
  const model: Model = b.model();
  return fileOf({ ...model, metadata: new Map(says ? [['preprocessing', JSON.stringify(says)]] : []) });
}
