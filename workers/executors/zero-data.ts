import type { DataType } from '../../src/onnx/index.js';
import type { TensorData } from './executor.js';

const ARRAYS: Partial<Record<DataType, (n: number) => TensorData>> = {
  float32: (n) => new Float32Array(n),
  float64: (n) => new Float64Array(n),
  float16: (n) => new Uint16Array(n),
  int64: (n) => new BigInt64Array(n),
  uint64: (n) => new BigUint64Array(n),
  int32: (n) => new Int32Array(n),
  uint32: (n) => new Uint32Array(n),
  int16: (n) => new Int16Array(n),
  uint16: (n) => new Uint16Array(n),
  int8: (n) => new Int8Array(n),
  uint8: (n) => new Uint8Array(n),
  bool: (n) => new Uint8Array(n),
};
/** Throws a TypeError for types of which there are no arrays. */
export function zeroData(dataType: DataType, dims: readonly number[]): TensorData {
  const make = ARRAYS[dataType];
  if (!make) throw new TypeError(`No array for tensors of type ${dataType}.`);
  return make(dims.reduce((n, d) => n * d, 1));
}
