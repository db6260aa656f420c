import { type DataType, type Node, OnnxError } from '../../../src/onnx/index.js';

/** Operator, name, sizes of the inputs and attributes of a node, for an error's words. */
export function described(
  node: Node,
  opset: number,
  values: ReadonlyMap<string, { readonly type: DataType; readonly dims: readonly number[] }>,
): string {
  const inputs = node.inputs.map((name) => {
    const v = values.get(name);
    return v ? `${v.type}[${v.dims}]` : '-';
  });
  const attributes = [...node.attributes].map(([name, a]) =>
    a.type === 'int' || a.type === 'float' || a.type === 'ints' || a.type === 'floats' ? `${name}=${a.value}` : name,
  );
  return `${node.opType} '${node.name || node.outputs[0]}' (opset ${opset}) of ${inputs.join(', ')}${attributes.length > 0 ? ` with ${attributes.join(', ')}` : ''}`;
}

export function unknownOperator(node: Node, opset: number): OnnxError {
  const domain = node.domain === '' ? '' : `${node.domain}.`;
  return new OnnxError(
    'operator-unsupported',
    `The TensorFlow engine does not run ${domain}${node.opType} of opset ${opset} (node '${node.name || node.outputs[0]}'). Train on onnxruntime.`,
  );
}
