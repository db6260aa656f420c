import { type GraphBuilder, graphBuilder } from './builder.js';
import type { Model, Node } from './types.js';

/** Domain of operators that exist only between surgery and execution. */
export const GRAFT_DOMAIN = 'graft';

/** The model with the nodes of one operator of the domain `graft` replaced, in their places, by what `write` emits for each. */
export function writtenOut(
  model: Model,
  opType: string,
  prefix: string,
  write: (b: GraphBuilder, node: Node) => void,
): Model {
  const { graph } = model;
  const meant = (node: Node): boolean => node.domain === GRAFT_DOMAIN && node.opType === opType;
  if (!graph.nodes.some(meant)) return model;
  const b = graphBuilder({ opset: model.opsets.get('') ?? 0, prefix });
  const nodes = graph.nodes.flatMap((node): readonly Node[] => {
    if (!meant(node)) return [node];
    const before = b.model().graph.nodes.length;
    write(b, node);
    return b.model().graph.nodes.slice(before);
  });
  const initializers = new Map([...graph.initializers, ...b.model().graph.initializers]);
  const rest = nodes.some((node) => node.domain === GRAFT_DOMAIN);
  const opsets = rest ? model.opsets : new Map([...model.opsets].filter(([domain]) => domain !== GRAFT_DOMAIN));
  return { ...model, opsets, graph: { ...graph, nodes, initializers } };
}
