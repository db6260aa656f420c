import { Tensor } from 'onnxruntime-node';
import type { DataType } from '../../src/onnx/index.js';
import type { HostTensor, TensorData } from './executor.js';

/**
 * Has float16 tensors hold their bits as Uint16Array everywhere. onnxruntime-common takes Float16Array where there is one (Node 24),
 * which the binding of 1.30 reads as no bytes at all (https://github.com/microsoft/onnxruntime/pull/32323). It looks for it once,
 * when the first tensor of a thread is made.
 */
function keepFloat16AsBits(): void {
  const there = Object.getOwnPropertyDescriptor(globalThis, 'Float16Array');
  if (there === undefined) return;
  Reflect.deleteProperty(globalThis, 'Float16Array');
  new Tensor('bool', [true]);
  Object.defineProperty(globalThis, 'Float16Array', there);
}
keepFloat16AsBits();

/** The engine's tensor over the same memory. */
export const tensorOf = ({ dataType, dims, data }: HostTensor): Tensor =>
  new Tensor(dataType as Tensor.Type, data as Tensor.DataTypeMap[Tensor.Type], [...dims]);
export const hostOf = (t: Tensor): HostTensor => ({
  dataType: t.type as DataType,
  dims: t.dims,
  data: t.data as TensorData,
});
