import { type DataType, elements } from '../../src/onnx/index.js';
import type { TensorData } from './executor.js';

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
/** The class of arrays that hold a type's numbers. Throws a RangeError where there is none. */
export function arrayOf(type: DataType): Make {
  const make = ARRAYS[type];
  if (!make) throw new RangeError(`There are no arrays for tensors of type ${type}.`);
  return make;
}
export function zeroData(dataType: DataType, dims: readonly number[]): TensorData {
  const make = arrayOf(dataType);
  const n = elements(dims);
  return new make(new ArrayBuffer(n * make.BYTES_PER_ELEMENT), 0, n);
}
