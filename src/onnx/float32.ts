import { captured, subgraphs } from './order.js';
import { numbers } from './tensor.js';
import { type Attribute, DATA_TYPES, type Graph, type Model, type Node, type Tensor, type ValueInfo } from './types.js';

const HALF = DATA_TYPES.indexOf('float16');
const SINGLE = DATA_TYPES.indexOf('float32');

/** Whether the model holds or computes numbers in half precision. */
export function isHalf(model: Model): boolean {
  const { graph } = model;
  return (
    [...graph.inputs, ...graph.outputs].some((v) => v.dataType === 'float16') ||
    [...graph.initializers.values()].some((t) => t.dataType === 'float16')
  );
}

/**
 * The same model in single precision: what is float16 becomes float32, exactly for the constants. Half precision on a CPU
 * is computed in single precision anyway, with a conversion around each operator. Weights that were only stored in half are
 * read as they are, without the Cast that widened them. Returns the model itself where nothing is half.
 */
export function inFloat32(model: Model): Model {
  if (!isHalf(model)) return model;
  return {
    ...model,
    graph: widenGraph(withoutWidening(model.graph)),
    functions: model.functions.map((f) => ({ ...f, nodes: f.nodes.map(widenNode) })),
  };
}

/** The graph without Casts of float16 initializers to float32: who read the result reads the initializer. */
function withoutWidening(graph: Graph): Graph {
  const outside = new Set([
    ...graph.outputs.map((v) => v.name),
    ...graph.nodes.flatMap(subgraphs).flatMap((g) => [...captured(g)]),
  ]);
  const widens = ({ opType, domain, inputs, outputs, attributes }: Node): boolean => {
    const to = attributes.get('to');
    const single = to?.type === 'int' && to.value === BigInt(SINGLE);
    const half = graph.initializers.get(inputs[0] ?? '')?.dataType === 'float16';
    return opType === 'Cast' && domain === '' && single && half && !outside.has(outputs[0]!);
  };
  const gone = new Set(graph.nodes.filter(widens));
  if (gone.size === 0) return graph;
  const source = new Map([...gone].map(({ inputs, outputs }) => [outputs[0]!, inputs[0]!]));
  const rest = graph.nodes.filter((node) => !gone.has(node));
  const read = (node: Node): Node => ({ ...node, inputs: node.inputs.map((name) => source.get(name) ?? name) });
  return { ...graph, nodes: rest.map(read) };
}

function widenGraph(graph: Graph): Graph {
  return {
    ...graph,
    inputs: graph.inputs.map(widenInfo),
    outputs: graph.outputs.map(widenInfo),
    nodes: graph.nodes.map(widenNode),
    initializers: new Map([...graph.initializers].map(([name, t]) => [name, widenTensor(t)])),
    valueInfo: new Map([...graph.valueInfo].map(([name, v]) => [name, widenInfo(v)])),
  };
}
const widenInfo = (v: ValueInfo): ValueInfo => (v.dataType === 'float16' ? { ...v, dataType: 'float32' } : v);

function widenTensor(t: Tensor): Tensor {
  if (t.dataType !== 'float16' || t.external) return t;
  return { ...t, dataType: 'float32', data: new Uint8Array(Float32Array.from(numbers(t)).buffer) };
}

/** `to` of Cast and `dtype` of the operators that make tensors name the type by number. */
function widenNode(node: Node): Node {
  const attributes = new Map<string, Attribute>();
  for (const [name, a] of node.attributes) {
    if (a.type === 'tensor') attributes.set(name, { type: 'tensor', value: widenTensor(a.value) });
    else if (a.type === 'graph') attributes.set(name, { type: 'graph', value: widenGraph(a.value) });
    else if (a.type === 'graphs') attributes.set(name, { type: 'graphs', value: a.value.map(widenGraph) });
    else if (a.type === 'int' && (name === 'to' || name === 'dtype') && a.value === BigInt(HALF))
      attributes.set(name, { type: 'int', value: BigInt(SINGLE) });
    else attributes.set(name, a);
  }
  return { ...node, attributes };
}
