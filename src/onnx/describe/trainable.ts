import type { RuleTable } from '../differentiate/rule.js';
import { stop } from '../differentiate/stops.js';
import { inlineFunctions } from '../inline.js';
import { parameterLayers } from '../layers.js';
import { reads, subgraphs } from '../order.js';
import { elements } from '../tensor.js';
import type { Graph, Model, Node } from '../types.js';

/** Numbers that training may change: float (or quantised) constants of some rank, without running statistics. */
export function parameterCount(graph: Graph): number {
  const statistics = new Set(
    graph.nodes.filter((n) => n.opType === 'BatchNormalization').flatMap((n) => n.inputs.slice(3, 5)),
  );
  let count = 0;
  const visit = (g: Graph): void => {
    for (const t of g.initializers.values())
      if (t.dims.length > 0 && !statistics.has(t.name) && /^(float|bfloat|int8|uint8|int4|uint4)/.test(t.dataType))
        count += elements(t.dims);
    for (const node of g.nodes) for (const inner of subgraphs(node)) visit(inner);
  };
  visit(graph);
  return count;
}

export interface Trainable {
  readonly supported: boolean;
  readonly unsupportedOperators: readonly string[];
  /** Operators by which no gradient passes, though some parameter's only way to the outputs leads through one. */
  readonly stops: readonly string[];
  /** Operators with bodies of their own (If, Loop, Scan) that are left once every branch that sizes and constants decide is taken. */
  readonly controlFlow: readonly string[];
}

/** Operators on the way from the inputs that no gradient rule covers; those that compute sizes and constants do not matter. */
export function trainable(given: Graph, model: Model, rules: RuleTable): Trainable {
  const graph = withTakenBranches(inlineFunctions({ ...model, graph: given }).graph);
  const opset = (n: Node): number => model.opsets.get(n.domain) ?? 0;
  const carrying = carryingNodes(graph);
  const missing = new Set<string>();
  for (const node of carrying)
    if (!rules.supported(node.opType, node.domain, opset(node)))
      missing.add(node.domain ? `${node.domain}.${node.opType}` : node.opType);
  return {
    supported: missing.size === 0 && carrying.length > 0,
    unsupportedOperators: [...missing].sort(),
    controlFlow: [...new Set(graph.nodes.filter((n) => subgraphs(n).length > 0).map((n) => n.opType))].sort(),
    stops: stopsOnTheOnlyWay(graph, (node) => rules.find(node, opset(node)) === stop || SIZES.has(node.opType)),
  };
}

/** Stopping operators above layers whose constants no other way leads from to an output. */
function stopsOnTheOnlyWay(graph: Graph, stopping: (node: Node) => boolean): readonly string[] {
  const learning = new Set(graph.outputs.map((v) => v.name));
  for (const node of [...graph.nodes].reverse())
    if (!stopping(node) && node.outputs.some((name) => learning.has(name)))
      for (const name of reads(node)) learning.add(name);
  const cutOff = new Set(
    [...graph.initializers.values()]
      .filter((t) => t.dims.length > 0 && elements(t.dims) > 1 && /^float/.test(t.dataType) && !learning.has(t.name))
      .map((t) => t.name),
  );
  const stops = new Set<string>();
  for (const node of graph.nodes) {
    if (!node.inputs.some((name) => cutOff.has(name))) continue;
    // A constant that is compared is a limit, not a layer's parameter.
    const made = node.inputs.some((name) => cutOff.has(name) && !graph.initializers.has(name));
    if (stopping(node)) {
      if (made && !/^(Shape|Size)$/.test(node.opType)) stops.add(node.opType);
    } else for (const output of node.outputs) if (!learning.has(output)) cutOff.add(output);
  }
  return [...stops].sort();
}

/** Ifs that sizes and constants decide are one of their branches in training, so their operators count. */
function withTakenBranches(graph: Graph): Graph {
  const settled = new Set(graph.initializers.keys());
  const nodes = graph.nodes.flatMap((node): readonly Node[] => {
    const known = node.opType === 'Shape' || node.opType === 'Size' || node.inputs.every((name) => settled.has(name));
    if (known && subgraphs(node).length === 0) for (const output of node.outputs) settled.add(output);
    if (node.opType !== 'If' || !settled.has(node.inputs[0] ?? '')) return [node];
    const inside = subgraphs(node).flatMap((g) => [...g.nodes]);
    const results = subgraphs(node).flatMap((g) => g.outputs.map((v) => v.name));
    return [...inside, { ...node, opType: 'Identity', inputs: results, attributes: new Map() }];
  });
  return { ...graph, nodes };
}

const SIZES: ReadonlySet<string> = new Set([
  'Shape',
  'Size',
  'Constant',
  'ConstantOfShape',
  'Range',
  'ArgMax',
  'ArgMin',
  'NonZero',
  'Equal',
  'Greater',
  'Less',
  'GreaterOrEqual',
  'LessOrEqual',
  'And',
  'Or',
  'Not',
  'Xor',
  'IsNaN',
  'IsInf',
]);
/** Nodes through which gradients would flow: reached from parameters, not through sizes and comparisons. */
function carryingNodes(graph: Graph): readonly Node[] {
  const quantised = [...graph.initializers.values()].filter((t) => /^u?int8/.test(t.dataType) && elements(t.dims) > 1);
  const moving = new Set<string>(parameterLayers(graph).flatMap((layer) => layer.parameters));
  for (const { name } of quantised) moving.add(name);
  return graph.nodes.filter((node) => {
    // What the bodies of control flow capture counts too.
    if (SIZES.has(node.opType) || !reads(node).some((name) => moving.has(name))) return false;
    for (const output of node.outputs) moving.add(output);
    return true;
  });
}
