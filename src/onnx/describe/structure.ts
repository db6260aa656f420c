import { intAttribute } from '../attributes.js';
import { type Layout, layouts } from '../axes.js';
import { constantTensor, producers } from '../graph.js';
import { elements } from '../tensor.js';
import type { Graph, Model, Node, Shapes } from '../types.js';

/** The pieces of graph that tell a classifier from features. All looks are backwards, from an output. */
export interface Structure {
  readonly graph: Graph;
  readonly made: ReadonlyMap<string, Node>;
  readonly batch: number;
  dims(name: string): readonly number[];
  isFloat(name: string): boolean;
  node(name: string): Node | undefined;
  isConstant(name: string): boolean;
  layout(name: string): Layout;
}

export function structure(model: Model, shapes: Shapes, batch: number): Structure {
  const { graph } = model;
  const made = producers(graph);
  return {
    graph,
    made,
    batch,
    dims: (name) => shapes.get(name)?.dims ?? [],
    isFloat: (name) => /^float(16|32|64)$/.test(shapes.get(name)?.dataType ?? ''),
    node: (name) => made.get(name),
    isConstant: (name) => constantTensor(graph, made, name) !== null || fromConstants(graph, made, name, 0),
    layout: layouts(graph),
  };
}

/** Quantised weights come out of DequantizeLinear, transposed ones out of Transpose. */
function fromConstants(graph: Graph, made: ReadonlyMap<string, Node>, name: string, depth: number): boolean {
  const node = made.get(name);
  if (!node || depth > 4) return false;
  return (
    ['DequantizeLinear', 'Transpose', 'Reshape', 'Cast', 'Identity', 'Squeeze', 'Unsqueeze'].includes(node.opType) &&
    node.inputs.every(
      (i) =>
        i === '' ||
        graph.initializers.has(i) ||
        constantTensor(graph, made, i) !== null ||
        fromConstants(graph, made, i, depth + 1),
    )
  );
}

/** Operators that only rename, rescale or reshape each example on the way out. */
const THROUGH: ReadonlySet<string> = new Set(['Identity', 'Dropout', 'Cast', 'QuantizeLinear', 'DequantizeLinear']);
const RESHAPES: ReadonlySet<string> = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);
const SQUASHES: ReadonlySet<string> = new Set(['Softmax', 'LogSoftmax', 'Sigmoid', 'QLinearSoftmax', 'QLinearSigmoid']);

/** Steps back over what keeps each example's numbers (and their count). Returns the tensor and the nodes passed. */
export function peel(
  s: Structure,
  from: string,
  squashes = false,
): { tensor: string; passed: readonly Node[]; squashed: boolean } {
  const passed: Node[] = [];
  let squashed = false;
  let tensor = from;
  for (let node = s.node(tensor); node; node = s.node(tensor)) {
    const input = node.inputs[0] ?? '';
    const squash = squashes && SQUASHES.has(node.opType) && elements(s.dims(tensor)) > s.batch;
    const same =
      RESHAPES.has(node.opType) && s.dims(input)[0] === s.batch && elements(s.dims(input)) === elements(s.dims(tensor));
    if (input === '' || !(THROUGH.has(node.opType) || same || squash)) break;
    squashed ||= squash;
    passed.push(node);
    tensor = input;
  }
  return { tensor, passed, squashed };
}

/** A fully connected layer with constant weights whose output is `tensor`: Gemm, MatMul, MatMul + Add, their quantised forms, or a convolution of a single place. */
export function linearLayer(
  s: Structure,
  tensor: string,
): { input: string; nodes: readonly Node[]; outputs: number } | null {
  const node = s.node(tensor);
  if (!node) return null;
  const outputs = elements(s.dims(tensor).slice(1));
  if (/^(Add|QLinearAdd)$/.test(node.opType)) {
    const moving = node.inputs.find((i) => s.node(i) && !s.isConstant(i));
    const rest = node.inputs.filter((i) => i !== moving && i !== '');
    if (!moving || !rest.every((i) => s.isConstant(i) || s.graph.initializers.has(i))) return null;
    const below = linearLayer(s, moving);
    return below ? { ...below, nodes: [node, ...below.nodes] } : null;
  }
  const [x, weight] = quantisedInputs(node);
  if (x === undefined || weight === undefined) return null;
  if (
    /^(Gemm|MatMul|QGemm|QLinearMatMul|FusedGemm)$/.test(node.opType) &&
    s.isConstant(weight) &&
    s.dims(tensor).length === 2
  )
    return { input: x, nodes: [node], outputs };
  const single =
    s.dims(x).length === 4 && elements(s.dims(x).slice(2)) === 1 && elements(s.dims(tensor).slice(2)) === 1;
  if (isConv(node) && single && s.isConstant(weight)) return { input: x, nodes: [node], outputs };
  return null;
}

/** Data and weight inputs: quantised operators have scales and zero points between them. */
export function quantisedInputs(node: Node): readonly [string | undefined, string | undefined] {
  return /^QLinear|^QGemm/.test(node.opType) ? [node.inputs[0], node.inputs[3]] : [node.inputs[0], node.inputs[1]];
}
export const isConv = (node: Node): boolean => /^(Conv|QLinearConv|FusedConv|ConvInteger)$/.test(node.opType);

/** Whether a node averages (or takes the maximum of) all places of a map: [N, C, h, w] to [N, C, 1, 1] or [N, C]. */
export function isPooling(s: Structure, node: Node): boolean {
  if (/^(GlobalAveragePool|GlobalMaxPool|QLinearGlobalAveragePool)$/.test(node.opType)) return true;
  const input = s.dims(node.inputs[0] ?? '');
  const output = s.dims(node.outputs[0] ?? '');
  if (!/^(ReduceMean|ReduceMax|AveragePool|MaxPool|QLinearAveragePool)$/.test(node.opType)) return false;
  if (input.length !== 4 || output[0] !== input[0] || elements(output) === elements(input)) return false;
  const channels = [input[1], input[3]];
  return channels.includes(elements(output.slice(1))) && elements(output.slice(2)) <= Math.max(1, input[3] ?? 1);
}

/**
 * A classifier made of a 1x1 convolution whose map is averaged (SqueezeNet, NiN): from the pooled tensor back over
 * activations to that convolution.
 */
export function pooledClassifier(
  s: Structure,
  pooled: string,
): { input: string; nodes: readonly Node[]; outputs: number } | null {
  const pooling = s.node(pooled);
  if (!pooling || !isPooling(s, pooling)) return null;
  const nodes: Node[] = [pooling];
  let tensor = pooling.inputs[0] ?? '';
  for (let node = s.node(tensor); node; node = s.node(tensor)) {
    const [x, weight] = quantisedInputs(node);
    if (x === undefined) return null;
    nodes.push(node);
    if (isConv(node)) {
      const kernel = s.dims(weight ?? '').slice(2);
      const grouped = intAttribute(node, 'group', 1) !== 1;
      return elements(kernel) === 1 && !grouped
        ? { input: x, nodes, outputs: elements(s.dims(pooled).slice(1)) }
        : null;
    }
    if (
      !/^(Relu|Clip|LeakyRelu|BatchNormalization|Identity|Dropout|QuantizeLinear|DequantizeLinear)$/.test(node.opType)
    )
      return null;
    tensor = x;
  }
  return null;
}
