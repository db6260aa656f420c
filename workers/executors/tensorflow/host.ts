import { type DataType, elements, type Tensor } from '../../../src/onnx/index.js';
import type { HostTensor, TensorData } from '../executor.js';

type Make = {
  new (buffer: ArrayBufferLike, offset: number, length: number): TensorData;
  readonly BYTES_PER_ELEMENT: number;
};
const ARRAYS: Partial<Record<DataType, Make>> = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};
function arrayOf(type: DataType): Make {
  const make = ARRAYS[type];
  if (!make) throw new RangeError(`The TensorFlow engine has no tensors of type ${type}.`);
  return make;
}

/** An initializer as an array; its bytes are shared where they are aligned. */
export function hostTensor({ dataType, dims, data }: Tensor): HostTensor {
  const make = arrayOf(dataType);
  const whole = data.byteOffset % make.BYTES_PER_ELEMENT === 0 ? data : new Uint8Array(data);
  return { dataType, dims, data: new make(whole.buffer, whole.byteOffset, elements(dims)) };
}

/** A tensor from numbers in row-major order; one number fills it. */
export function numbersIn(dataType: DataType, dims: readonly number[], values: ArrayLike<number> | number): HostTensor {
  const make = arrayOf(dataType);
  const n = elements(dims);
  const data = new make(new ArrayBuffer(n * make.BYTES_PER_ELEMENT), 0, n);
  const big = data instanceof BigInt64Array || data instanceof BigUint64Array;
  for (let i = 0; i < n; i++) {
    const value = typeof values === 'number' ? values : (values[i] as number);
    if (big) data[i] = BigInt(value);
    else (data as Float32Array)[i] = value;
  }
  return { dataType, dims, data };
}
