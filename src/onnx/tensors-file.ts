import { graphBuilder } from './builder.js';
import { OLDEST_OPSET } from './opsets.js';
import { decodeModel } from './proto/decode.js';
import { encodeModel } from './proto/encode.js';
import type { Tensor } from './types.js';

/** Tensors as an ONNX file that holds nothing else: what a training changed of a base. In chunks. */
export function encodeTensors(tensors: ReadonlyMap<string, Tensor>): Uint8Array[] {
  const b = graphBuilder({ opset: OLDEST_OPSET, name: 'tensors' });
  for (const [name, tensor] of tensors) b.initializer(name, tensor);
  return encodeModel(b.model());
}

/** The tensors of such a file, by name. Throws `malformed` where it is no ONNX file. */
export const decodeTensors = (file: Uint8Array): ReadonlyMap<string, Tensor> => decodeModel(file).graph.initializers;
