import { type DataType, elements, type Tensor } from '../../../src/onnx/index.js';
import { arrayOf, zeroData } from '../arrays.js';
import type { HostTensor } from '../executor.js';

/** An initializer as an array; its bytes are shared where they are aligned. */
export function hostTensor({ dataType, dims, data }: Tensor): HostTensor {
  const make = arrayOf(dataType);
  const whole = data.byteOffset % make.BYTES_PER_ELEMENT === 0 ? data : new Uint8Array(data);
  return { dataType, dims, data: new make(whole.buffer, whole.byteOffset, elements(dims)) };
}

/** A tensor from numbers in row-major order; one number fills it. */
export function numbersIn(dataType: DataType, dims: readonly number[], values: ArrayLike<number> | number): HostTensor {
  const data = zeroData(dataType, dims);
  const big = data instanceof BigInt64Array || data instanceof BigUint64Array;
  for (let i = 0; i < data.length; i++) {
    const value = typeof values === 'number' ? values : (values[i] as number);
    if (big) data[i] = BigInt(value);
    else (data as Float32Array)[i] = value;
  }
  return { dataType, dims, data };
}
