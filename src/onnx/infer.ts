import { intAttribute, intsAttribute } from './attributes.js';
import { GRAFT_DOMAIN } from './graft-domain.js';
import { constantNumbers, producers } from './graph.js';
import { elements } from './tensor.js';
import {
  DATA_TYPES,
  type DataType,
  type Model,
  type Node,
  type Shapes,
  type TensorShape,
  type ValueInfo,
} from './types.js';

const SAME = new Set(
  'Abs Cast Ceil Celu Clip Cos Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity LeakyRelu Log Neg Not Reciprocal Relu Round Selu Sigmoid Sign Sin Softplus Softsign Sqrt Tanh BatchNormalization LayerNormalization Softmax LogSoftmax ScatterElements ScatterND'.split(
    ' ',
  ),
);
const BROADCAST = new Set('Add Sub Mul Div Pow Max Min Sum Mean And Or Xor Greater Less Equal Where'.split(' '));
const COMPARES = new Set('And Or Xor Not Greater Less Equal'.split(' '));

/**
 * Types and sizes of tensors without running the graph: those that the file states (inputs of fixed size, value_info) and what
 * follows from them through the operators that gradients are made of. What does not follow is left out.
 */
export function inferShapes(model: Model): Shapes {
  const { graph } = model;
  const found = new Map<string, TensorShape>();
  for (const v of [...graph.inputs, ...graph.valueInfo.values()]) {
    const dims = v.shape?.filter((d): d is number => typeof d === 'number');
    const known = (DATA_TYPES as readonly string[]).includes(v.dataType);
    if (known && dims && dims.length === v.shape?.length) found.set(v.name, { dataType: v.dataType as DataType, dims });
  }
  for (const { name, dataType, dims } of graph.initializers.values()) found.set(name, { dataType, dims });
  const made = producers(graph);
  const constant = (name: string | undefined): readonly number[] | null =>
    name ? constantNumbers(graph, made, name) : null;
  for (const node of graph.nodes) {
    const output = node.outputs[0];
    if (!output || found.has(output)) continue;
    const shape = shapeOf(node, found, constant);
    if (shape) found.set(output, shape);
  }
  return found;
}

/** The model with what is known of its tensors stated: inputs of that size, and value_info for the rest of `names`. */
export function stated(model: Model, shapes: Shapes, names: readonly string[]): Model {
  const info = (name: string, from: TensorShape): ValueInfo => ({ name, dataType: from.dataType, shape: from.dims });
  const inputs = model.graph.inputs.map((v) => {
    const known = shapes.get(v.name);
    return known ? info(v.name, known) : v;
  });
  const valueInfo = new Map<string, ValueInfo>();
  for (const name of names) {
    const known = shapes.get(name);
    if (known) valueInfo.set(name, info(name, known));
  }
  return { ...model, graph: { ...model.graph, inputs, valueInfo } };
}

type Constants = (name: string | undefined) => readonly number[] | null;

function shapeOf(node: Node, found: Shapes, constant: Constants): TensorShape | null {
  const first = found.get(node.inputs[0] ?? '');
  if (!first) return null;
  if (node.domain === GRAFT_DOMAIN) {
    const dims = intsAttribute(node, 'shape');
    return dims && { dataType: first.dataType, dims };
  }
  if (node.domain !== '') return null;
  const dims = dimsOf(node, first.dims, found, constant);
  return dims && { dataType: typeOf(node, first.dataType, found), dims };
}

function typeOf(node: Node, first: DataType, found: Shapes): DataType {
  if (COMPARES.has(node.opType)) return 'bool';
  if (node.opType === 'Cast') return DATA_TYPES[intAttribute(node, 'to', 1)] ?? first;
  if (node.opType === 'ConstantOfShape') {
    const value = node.attributes.get('value');
    return value?.type === 'tensor' ? value.value.dataType : 'float32';
  }
  if (node.opType === 'Where') return found.get(node.inputs[1] ?? '')?.dataType ?? first;
  return first;
}

function dimsOf(node: Node, x: readonly number[], found: Shapes, constant: Constants): readonly number[] | null {
  const { opType } = node;
  if (SAME.has(opType)) return x;
  if (BROADCAST.has(opType)) {
    const all = node.inputs.map((name) => found.get(name)?.dims);
    return all.reduce<readonly number[] | null>((a, d) => (a && d ? broadcast(a, d) : null), []);
  }
  if (opType === 'ConstantOfShape') return constant(node.inputs[0]);
  if (opType === 'Expand') {
    const to = constant(node.inputs[1]);
    return to && broadcast(x, to);
  }
  if (opType === 'Reshape') {
    const to = constant(node.inputs[1]);
    return to && reshaped(x, to, intAttribute(node, 'allowzero', 0) !== 0);
  }
  if (opType === 'Transpose') {
    const perm = intsAttribute(node, 'perm') ?? x.map((_, i) => x.length - 1 - i);
    return perm.map((axis) => x[axis] as number);
  }
  if (opType === 'Gemm' || opType === 'MatMul') return multiplied(node, x, found.get(node.inputs[1] ?? '')?.dims);
  if (opType.startsWith('Reduce')) return reduced(node, x, constant);
  return null;
}

export function broadcast(a: readonly number[], b: readonly number[]): readonly number[] | null {
  const rank = Math.max(a.length, b.length);
  const dims = Array.from({ length: rank }, (_, i) => {
    const [p, q] = [a[a.length - rank + i] ?? 1, b[b.length - rank + i] ?? 1];
    return p === 1 ? q : q === 1 || q === p ? p : -1;
  });
  return dims.includes(-1) ? null : dims;
}

function multiplied(node: Node, x: readonly number[], y: readonly number[] | undefined): readonly number[] | null {
  if (!y || x.length < 2 || y.length < 2) return null;
  const side = (dims: readonly number[], flag: string, other: 0 | 1): number =>
    dims[dims.length - (intAttribute(node, flag, 0) === other ? 2 : 1)] as number;
  const lead = broadcast(x.slice(0, -2), y.slice(0, -2));
  return lead && [...lead, side(x, 'transA', 0), side(y, 'transB', 1)];
}

function reshaped(x: readonly number[], to: readonly number[], zeroIsZero: boolean): readonly number[] {
  const dims = to.map((d, i) => (d === 0 && !zeroIsZero ? (x[i] as number) : d));
  const rest = elements(x) / elements(dims.filter((d) => d !== -1));
  return dims.map((d) => (d === -1 ? rest : d));
}

function reduced(node: Node, x: readonly number[], constant: Constants): readonly number[] | null {
  const axes = reducedAxes(node, x.length, constant);
  if (!axes) return null;
  if (intAttribute(node, 'keepdims', 1) !== 0) return x.map((d, i) => (axes.includes(i) ? 1 : d));
  return x.filter((_, i) => !axes.includes(i));
}

/** The axes of a reduction, an attribute or a constant second input; null where they are computed or none are named. */
export function reducedAxes(node: Node, rank: number, constant: Constants): readonly number[] | null {
  const axes = intsAttribute(node, 'axes') ?? constant(node.inputs[1]);
  return axes && axes.length > 0 ? axes.map((axis) => (axis < 0 ? axis + rank : axis)) : null;
}
