import { OnnxError } from './error.js';
import type { DataType, Tensor } from './types.js';

/** Bits per element; 0 where elements have no fixed size. */
const BITS: Readonly<Record<DataType, number>> = {
  undefined: 0,
  float32: 32,
  uint8: 8,
  int8: 8,
  uint16: 16,
  int16: 16,
  int32: 32,
  int64: 64,
  string: 0,
  bool: 8,
  float16: 16,
  float64: 64,
  uint32: 32,
  uint64: 64,
  complex64: 64,
  complex128: 128,
  bfloat16: 16,
  float8e4m3fn: 8,
  float8e4m3fnuz: 8,
  float8e5m2: 8,
  float8e5m2fnuz: 8,
  uint4: 4,
  int4: 4,
  float4e2m1: 4,
  float8e8m0: 8,
  uint2: 2,
  int2: 2,
};

/** Number of elements; 1 for a scalar. */
export const elements = (dims: readonly number[]): number => dims.reduce((n, d) => n * d, 1);
/** Bytes that a tensor of this type and size takes (types below a byte are packed). */
export const byteLength = (dataType: DataType, dims: readonly number[]): number =>
  Math.ceil((elements(dims) * BITS[dataType]) / 8);

/** A tensor from numbers in row-major order; `values` may be one number that fills it. */
export function tensor(
  name: string,
  dataType: 'float32' | 'float64' | 'int32' | 'int64' | 'bool' | 'uint8' | 'int8',
  dims: readonly number[],
  values: ArrayLike<number> | number,
): Tensor {
  const n = elements(dims);
  if (typeof values !== 'number' && values.length !== n)
    throw new OnnxError('invalid-argument', `Tensor '${name}' of [${dims}] needs ${n} values, not ${values.length}.`);
  const at = (i: number): number => (typeof values === 'number' ? values : (values[i] as number));
  let array: Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array | Int8Array;
  if (dataType === 'float32') array = Float32Array.from({ length: n }, (_, i) => at(i));
  else if (dataType === 'float64') array = Float64Array.from({ length: n }, (_, i) => at(i));
  else if (dataType === 'int32') array = Int32Array.from({ length: n }, (_, i) => at(i));
  else if (dataType === 'int64') array = BigInt64Array.from({ length: n }, (_, i) => BigInt(at(i)));
  else if (dataType === 'int8') array = Int8Array.from({ length: n }, (_, i) => at(i));
  else array = Uint8Array.from({ length: n }, (_, i) => at(i));
  return { name, dataType, dims, data: new Uint8Array(array.buffer) };
}

/** The same tensor under another name; the data stay shared. */
export const renamed = (t: Tensor, name: string): Tensor => ({ ...t, name });

/** Half precision to a number (IEEE 754 binary16). */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/**
 * The elements as numbers, whatever the type (64-bit integers beyond 2^53 lose their low bits).
 * Throws `unsupported-type` for strings, complex numbers and types below a byte, `external-data` where the data lie elsewhere.
 */
export function numbers(t: Tensor): Float64Array {
  if (t.external) throw new OnnxError('external-data', `The data of tensor '${t.name}' lie in another file.`);
  const n = elements(t.dims);
  const out = new Float64Array(n);
  const d = new DataView(t.data.buffer, t.data.byteOffset, t.data.byteLength);
  const read = readers[t.dataType];
  if (!read)
    throw new OnnxError('unsupported-type', `Tensor '${t.name}' of type ${t.dataType} cannot be read as numbers.`);
  for (let i = 0; i < n; i++) out[i] = read(d, i);
  return out;
}

const readers: Partial<Record<DataType, (d: DataView, i: number) => number>> = {
  float32: (d, i) => d.getFloat32(i * 4, true),
  float64: (d, i) => d.getFloat64(i * 8, true),
  int64: (d, i) => Number(d.getBigInt64(i * 8, true)),
  uint64: (d, i) => Number(d.getBigUint64(i * 8, true)),
  int32: (d, i) => d.getInt32(i * 4, true),
  uint32: (d, i) => d.getUint32(i * 4, true),
  int16: (d, i) => d.getInt16(i * 2, true),
  uint16: (d, i) => d.getUint16(i * 2, true),
  int8: (d, i) => d.getInt8(i),
  uint8: (d, i) => d.getUint8(i),
  bool: (d, i) => d.getUint8(i),
  float16: (d, i) => half(d.getUint16(i * 2, true)),
  bfloat16: (d, i) => {
    scratch.setUint16(2, d.getUint16(i * 2, true), true);
    return scratch.getFloat32(0, true);
  },
};
const scratch = new DataView(new ArrayBuffer(4));
