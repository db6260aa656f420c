import { captured, reads } from './order.js';
import { numbers } from './tensor.js';
import type { Graph, Model, ModelFunction, Node, Tensor, ValueInfo } from './types.js';

/** The node that produces each tensor. */
export function producers(graph: Graph): ReadonlyMap<string, Node> {
  const found = new Map<string, Node>();
  for (const node of graph.nodes) for (const output of node.outputs) if (output !== '') found.set(output, node);
  return found;
}

/** The nodes that read each tensor, through their subgraphs too; graph outputs are not readers. */
export function consumers(graph: Graph): ReadonlyMap<string, readonly Node[]> {
  const found = new Map<string, Node[]>();
  for (const node of graph.nodes)
    for (const name of new Set(reads(node))) {
      const list = found.get(name);
      if (list) list.push(node);
      else found.set(name, [node]);
    }
  return found;
}

/** Every name that a graph uses, its subgraphs' included: what a fresh name must avoid. */
export function names(graph: Graph): Set<string> {
  const all = new Set<string>(graph.initializers.keys());
  for (const v of [...graph.inputs, ...graph.outputs]) all.add(v.name);
  for (const node of graph.nodes) {
    for (const name of [...node.inputs, ...node.outputs]) all.add(name);
    for (const a of node.attributes.values()) {
      const inner = a.type === 'graph' ? [a.value] : a.type === 'graphs' ? a.value : [];
      for (const g of inner) for (const name of [...names(g), ...captured(g)]) all.add(name);
    }
  }
  return all;
}

/** The stated type of a tensor: from inputs, outputs or value_info; null where the file says nothing. */
export function statedType(graph: Graph, name: string): ValueInfo | null {
  return (
    graph.valueInfo.get(name) ??
    graph.outputs.find((v) => v.name === name) ??
    graph.inputs.find((v) => v.name === name) ??
    null
  );
}

/** The value of a tensor that is an initializer or a Constant node, possibly behind Identity; else null. */
export function constantTensor(graph: Graph, made: ReadonlyMap<string, Node>, name: string): Tensor | null {
  for (let at: string | undefined = name; at !== undefined; ) {
    const initializer = graph.initializers.get(at);
    if (initializer) return initializer;
    const node = made.get(at);
    if (node?.opType === 'Constant' && node.domain === '') return constantValue(node, name);
    at = node?.opType === 'Identity' && node.domain === '' ? node.inputs[0] : undefined;
  }
  return null;
}
function constantValue(node: Node, name: string): Tensor | null {
  const value = node.attributes.get('value');
  if (value?.type === 'tensor') return value.value;
  const one = node.attributes.get('value_int') ?? node.attributes.get('value_ints');
  if (one?.type === 'int' || one?.type === 'ints') {
    const list = one.type === 'int' ? [one.value] : one.value;
    const data = new Uint8Array(BigInt64Array.from(list).buffer);
    return { name, dataType: 'int64', dims: one.type === 'int' ? [] : [list.length], data };
  }
  const real = node.attributes.get('value_float') ?? node.attributes.get('value_floats');
  if (real?.type === 'float' || real?.type === 'floats') {
    const list = real.type === 'float' ? [real.value] : real.value;
    const data = new Uint8Array(Float32Array.from(list).buffer);
    return { name, dataType: 'float32', dims: real.type === 'float' ? [] : [list.length], data };
  }
  return null;
}
/** As `constantTensor`, as numbers. */
export function constantNumbers(graph: Graph, made: ReadonlyMap<string, Node>, name: string): readonly number[] | null {
  const found = constantTensor(graph, made, name);
  return found && !found.external && found.dataType !== 'string' ? [...numbers(found)] : null;
}

/** The functions that these nodes call, and those that they call in turn. */
export function neededFunctions(model: Pick<Model, 'functions'>, nodes: readonly Node[]): readonly ModelFunction[] {
  const byName = new Map(model.functions.map((f) => [`${f.domain}:${f.name}`, f]));
  const needed = new Set<ModelFunction>();
  const visit = (list: readonly Node[]): void => {
    for (const node of list) {
      for (const a of node.attributes.values()) {
        if (a.type === 'graph') visit(a.value.nodes);
        else if (a.type === 'graphs') for (const g of a.value) visit(g.nodes);
      }
      const f = byName.get(`${node.domain}:${node.opType}`);
      if (!f || needed.has(f)) continue;
      needed.add(f);
      visit(f.nodes);
    }
  };
  visit(nodes);
  return model.functions.filter((f) => needed.has(f));
}
