import { createHash } from 'node:crypto';
import { encodeModel } from './proto/encode.js';
import type { Attribute, Graph, Model, Node } from './types.js';

/**
 * `sha256:…` of what the model computes: operators, names of tensors, constants, opsets, functions. Names of nodes and of
 * the graph, documentation, metadata, producer, stated types of intermediate tensors and the order of attributes and
 * initializers do not count, so two exports of one network have one digest; it keys the feature cache.
 */
export function modelDigest(model: Model): string {
  const hash = createHash('sha256');
  for (const chunk of encodeModel(canonical(model))) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

const byKey = <V>(map: ReadonlyMap<string, V>): Map<string, V> =>
  new Map([...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));

function canonical(model: Model): Model {
  return {
    irVersion: 8,
    opsets: byKey(model.opsets),
    graph: canonicalGraph(model.graph),
    metadata: new Map(),
    functions: model.functions.map(({ extra: _, ...f }) => ({
      ...f,
      nodes: f.nodes.map(canonicalNode),
      opsets: byKey(f.opsets),
    })),
    producer: { name: '', version: '' },
    domain: '',
    modelVersion: 0n,
  };
}

function canonicalGraph(graph: Graph): Graph {
  const { extra: _, ...rest } = graph;
  return {
    ...rest,
    name: '',
    nodes: graph.nodes.map(canonicalNode),
    initializers: byKey(new Map([...graph.initializers].map(([n, { extra: __, ...t }]) => [n, t]))),
    valueInfo: new Map(),
  };
}

function canonicalNode(node: Node): Node {
  const attributes = new Map<string, Attribute>();
  for (const [name, a] of byKey(node.attributes)) {
    if (a.type === 'graph') attributes.set(name, { type: 'graph', value: canonicalGraph(a.value) });
    else if (a.type === 'graphs') attributes.set(name, { type: 'graphs', value: a.value.map(canonicalGraph) });
    else attributes.set(name, a);
  }
  const { extra: _, ...rest } = node;
  return { ...rest, name: '', attributes };
}
