import type { Attribute, Graph, Model, Node, Tensor, ValueInfo } from './types.js';

/** The graph with tensors renamed, in subgraphs too where they capture them; names not in the map stay. */
export function renameTensors(graph: Graph, to: ReadonlyMap<string, string>): Graph {
  const name = (n: string): string => to.get(n) ?? n;
  const info = (v: ValueInfo): ValueInfo => (to.has(v.name) ? { ...v, name: name(v.name) } : v);
  return {
    ...graph,
    inputs: graph.inputs.map(info),
    outputs: graph.outputs.map(info),
    nodes: graph.nodes.map((node) => renameNode(node, to)),
    initializers: new Map<string, Tensor>(
      [...graph.initializers].map(([n, t]) => (to.has(n) ? [name(n), { ...t, name: name(n) }] : [n, t])),
    ),
    valueInfo: new Map([...graph.valueInfo].map(([n, v]) => [name(n), info(v)])),
  };
}

function renameNode(node: Node, to: ReadonlyMap<string, string>): Node {
  const name = (n: string): string => to.get(n) ?? n;
  const attributes = new Map<string, Attribute>();
  for (const [key, a] of node.attributes) {
    if (a.type === 'graph') attributes.set(key, { type: 'graph', value: renameCaptured(a.value, to) });
    else if (a.type === 'graphs')
      attributes.set(key, { type: 'graphs', value: a.value.map((g) => renameCaptured(g, to)) });
    else attributes.set(key, a);
  }
  return { ...node, inputs: node.inputs.map(name), outputs: node.outputs.map(name), attributes };
}

/** ONNX forbids a subgraph to reuse an outer name, so every occurrence inside is the captured tensor. */
const renameCaptured = (graph: Graph, to: ReadonlyMap<string, string>): Graph => renameTensors(graph, to);

/** The model with other names of its outputs; a name in use elsewhere in the graph must not be asked for. */
export function renameOutputs(model: Model, to: ReadonlyMap<string, string>): Model {
  return { ...model, graph: renameTensors(model.graph, to) };
}
