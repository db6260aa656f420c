import { GRAFT_DOMAIN } from './graft-domain.js';
import { constantNumbers, names, neededFunctions, producers } from './graph.js';
import { changedOperators } from './opsets.js';
import { renameTensors } from './rename.js';
import type { Attribute, Graph, Model, ModelFunction, Node, Tensor } from './types.js';

/** A body's nodes under names of their own, and its constants. */
interface Body {
  readonly nodes: readonly Node[];
  readonly initializers: ReadonlyMap<string, Tensor>;
}

/**
 * The model with its functions written out where they are called, as some exporters leave them to be; those of this library
 * stay, as do functions of another opset at which an operator in them means something else.
 */
export function inlineFunctions(model: Model): Model {
  const found = new Map(
    model.functions.filter((f) => writtenOut(model, f)).map((f) => [`${f.domain}:${f.name}`, f] as const),
  );
  let current = model;
  // Functions may call each other, though never in a circle.
  for (let depth = 0; depth <= found.size; depth++) {
    const next = replaced(current.graph, (node, fresh) => {
      const f = found.get(`${node.domain}:${node.opType}`);
      return f ? { nodes: bodyOf(f, node, fresh), initializers: new Map() } : null;
    });
    if (next === current.graph) break;
    current = { ...current, graph: next };
  }
  return current === model ? model : { ...current, functions: neededFunctions(current, current.graph.nodes) };
}

function writtenOut(model: Model, f: ModelFunction): boolean {
  if (f.domain === GRAFT_DOMAIN) return false;
  const [own, around] = [f.opsets.get('') ?? 0, model.opsets.get('') ?? 0];
  const domains = [...f.opsets].every(([domain, version]) => domain === '' || model.opsets.get(domain) === version);
  return domains && changedOperators(f.nodes, Math.min(own, around), Math.max(own, around)).length === 0;
}

/** A function's nodes with the call's tensors and attributes in place of the formal ones. */
function bodyOf(f: ModelFunction, call: Node, fresh: Fresh): readonly Node[] {
  const to = new Map<string, string>();
  f.inputs.forEach((name, i) => {
    to.set(name, call.inputs[i] ?? '');
  });
  f.outputs.forEach((name, i) => {
    if (call.outputs[i]) to.set(name, call.outputs[i]);
  });
  for (const name of f.nodes.flatMap((node) => node.outputs))
    if (name !== '' && !to.has(name)) to.set(name, fresh(name));
  const given = new Map([...f.attributeDefaults, ...call.attributes]);
  const nodes = f.nodes.map((node) => withAttributes(node, given));
  const { nodes: renamed } = renameTensors(
    { name: '', inputs: [], outputs: [], nodes, initializers: new Map(), valueInfo: new Map() },
    to,
  );
  // An output that is an input passed through has no node to make it.
  const passed = f.outputs.flatMap((name, i): readonly Node[] => {
    const at = f.inputs.indexOf(name);
    return at < 0 || !call.outputs[i] ? [] : [identity(call.inputs[at] ?? '', call.outputs[i])];
  });
  return [...renamed, ...passed];
}

const identity = (from: string, to: string): Node => ({
  opType: 'Identity',
  domain: '',
  name: '',
  inputs: [from],
  outputs: [to],
  attributes: new Map(),
});

/** References to the function's attributes become the call's values; one that the call leaves out goes. */
function withAttributes(node: Node, given: ReadonlyMap<string, Attribute>): Node {
  const attributes = new Map<string, Attribute>();
  for (const [name, a] of node.attributes) {
    const value = a.type === 'reference' ? given.get(a.value) : withReferences(a, given);
    if (value) attributes.set(name, value);
  }
  return { ...node, attributes };
}
function withReferences(a: Attribute, given: ReadonlyMap<string, Attribute>): Attribute {
  const inside = (g: Graph): Graph => ({ ...g, nodes: g.nodes.map((node) => withAttributes(node, given)) });
  if (a.type === 'graph') return { type: 'graph', value: inside(a.value) };
  return a.type === 'graphs' ? { type: 'graphs', value: a.value.map(inside) } : a;
}

/** The model with the branch that is taken in place of every If whose condition is a constant; the same model where there is none. */
export function inlineBranches(model: Model): Model {
  const made = producers(model.graph);
  const graph = replaced(model.graph, (node, fresh): Body | null => {
    if (node.opType !== 'If' || node.domain !== '') return null;
    const condition = constantNumbers(model.graph, made, node.inputs[0] ?? '');
    const branch = node.attributes.get(condition?.[0] === 0 ? 'else_branch' : 'then_branch');
    if (condition === null || branch?.type !== 'graph') return null;
    const own = [...branch.value.nodes.flatMap((inner) => inner.outputs), ...branch.value.initializers.keys()];
    const to = new Map(own.filter((name) => name !== '').map((name) => [name, fresh(name)]));
    const { nodes, outputs, initializers } = renameTensors(branch.value, to);
    const results = node.outputs.flatMap((name, i) => (name === '' ? [] : [identity(outputs[i]?.name ?? '', name)]));
    return { nodes: [...nodes, ...results], initializers };
  });
  return graph === model.graph ? model : { ...model, graph };
}

type Fresh = (stem: string) => string;

/** The graph with some nodes replaced by others; the same graph where none is. */
function replaced(graph: Graph, by: (node: Node, fresh: Fresh) => Body | null): Graph {
  const used = names(graph);
  const fresh: Fresh = (stem) => {
    let name = stem;
    for (let n = 1; used.has(name); n++) name = `${stem}_${n}`;
    used.add(name);
    return name;
  };
  const initializers = new Map(graph.initializers);
  let changed = false;
  const nodes = graph.nodes.flatMap((node) => {
    const body = by(node, fresh);
    if (!body) return [node];
    changed = true;
    for (const [name, t] of body.initializers) initializers.set(name, t);
    // Two calls of one body must not give nodes of one name.
    return body.nodes.map((inner) => ({ ...inner, name: '' }));
  });
  return changed ? { ...graph, nodes, initializers } : graph;
}
