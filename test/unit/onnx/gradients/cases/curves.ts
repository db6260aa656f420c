import { float, graphBuilder, type Model, NEWEST_OPSET, type Node } from '../../../../../src/onnx/index.js';
import { apart, type Case, positive, unary } from '../../../../support/gradients.js';

const curve = (op: string, since: number, o: Partial<Case> = {}): Case =>
  unary(op, { opsets: [since, NEWEST_OPSET], ...o });
/** Beyond both limits and between them, no number within a step of one. */
const across =
  (limit: number) =>
  (x: number): number => {
    const wide = 3 * limit * x;
    return Math.abs(Math.abs(wide) - limit) < 0.1 ? wide * 1.5 : wide;
  };

/** onnxruntime 1.30 has no kernel for it, so it runs as what it stands for: x sigmoid(alpha x). */
function swishWrittenOut(model: Model): Model {
  const nodes = model.graph.nodes.flatMap((node): readonly Node[] => {
    if (node.opType !== 'Swish') return [node];
    const [x, y] = [node.inputs[0] as string, node.outputs[0] as string];
    const b = graphBuilder({ opset: 26, prefix: `${y}/` });
    const alpha = b.op('Constant', [], { value_float: node.attributes.get('alpha') ?? float(1) });
    b.op('Mul', [x, b.op('Sigmoid', [b.op('Mul', [x, alpha])])], {}, { outputs: [y] });
    return b.model().graph.nodes;
  });
  return { ...model, graph: { ...model.graph, nodes } };
}

export const curveCases: readonly Case[] = [
  curve('Selu', 7, { domain: apart }),
  curve('Selu', 7, {
    name: 'Selu of stated form',
    domain: apart,
    attributes: { alpha: float(0.7), gamma: float(1.4) },
  }),
  curve('Celu', 12, { domain: apart }),
  curve('Celu', 12, { name: 'Celu of stated form', domain: apart, attributes: { alpha: float(0.6) } }),
  curve('Softsign', 7, { domain: apart }),
  curve('Swish', 24, { runAs: swishWrittenOut, dataType: 'float32' }),
  curve('Swish', 24, {
    name: 'Swish of stated form',
    attributes: { alpha: float(1.7) },
    runAs: swishWrittenOut,
    dataType: 'float32',
  }),
  curve('Mish', 18),
  curve('ThresholdedRelu', 10, { attributes: { alpha: float(0.5) }, domain: across(0.5) }),
  curve('Shrink', 9, { attributes: { lambd: float(0.6), bias: float(0.2) }, domain: across(0.6), dataType: 'float32' }),
  curve('Tan', 7),
  ...['Asin', 'Acos'].map((op) => curve(op, 7, { domain: (x) => 0.7 * x })),
  curve('Atan', 7),
  ...['Sinh', 'Cosh', 'Asinh'].map((op) => curve(op, 9)),
  curve('Acosh', 9, { domain: (x) => 1.5 + positive(x) }),
  curve('Atanh', 9, { domain: (x) => 0.7 * x }),
];
