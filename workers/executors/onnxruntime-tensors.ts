import { Tensor } from 'onnxruntime-node';
import type { DataType } from '../../src/onnx/index.js';
import type { HostTensor, TensorData } from './executor.js';

/** The engine's tensor over the same memory. */
export const tensorOf = ({ dataType, dims, data }: HostTensor): Tensor =>
  new Tensor(dataType as Tensor.Type, data as Tensor.DataTypeMap[Tensor.Type], [...dims]);
export const hostOf = (t: Tensor): HostTensor => ({
  dataType: t.type as DataType,
  dims: t.dims,
  data: t.data as TensorData,
});
