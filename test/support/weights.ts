import { createHash } from 'node:crypto';
import { decodeModel } from '../../src/onnx/index.js';

/** The tensors of an ONNX file: sha256 of their content, by name. */
export function weightsOf(file: Uint8Array): ReadonlyMap<string, string> {
  const { initializers } = decodeModel(file).graph;
  return new Map([...initializers].map(([name, { data }]) => [name, createHash('sha256').update(data).digest('hex')]));
}
