import type { RuleTable } from '../differentiate/rule.js';
import { parameterLayers } from '../layers.js';
import { subgraphs } from '../order.js';
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

/** Operators on the way from the inputs that no gradient rule covers; those that compute sizes and constants do not matter. */
export function trainable(
  graph: Graph,
  model: Model,
  rules: RuleTable,
): { readonly supported: boolean; readonly unsupportedOperators: readonly string[] } {
  const opset = (n: Node): number => model.opsets.get(n.domain) ?? 0;
  const carrying = carryingNodes(graph);
  const missing = new Set<string>();
  for (const node of carrying)
    if (!rules.supported(node.opType, node.domain, opset(node)))
      missing.add(node.domain ? `${node.domain}.${node.opType}` : node.opType);
  return { supported: missing.size === 0 && carrying.length > 0, unsupportedOperators: [...missing].sort() };
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
    if (SIZES.has(node.opType) || !node.inputs.some((name) => moving.has(name))) return false;
    for (const output of node.outputs) moving.add(output);
    return true;
  });
}
