import { type GraphBuilder, graphBuilder } from '../builder.js';
import { GRAFT_DOMAIN } from '../graft-domain.js';
import type { Model, Node } from '../types.js';
import { CONV_INPUT_GRADIENT, CONV_WEIGHT_GRADIENT, convInputGradient, convWeightGradient } from './convolution.js';

/** How each gradient operator of the domain `graft` is written in standard operators. */
const STANDARD: ReadonlyMap<string, (b: GraphBuilder, node: Node) => string> = new Map([
  [CONV_INPUT_GRADIENT, (b: GraphBuilder, node: Node) => convInputGradient(b, node)],
  [CONV_WEIGHT_GRADIENT, (b: GraphBuilder, node: Node) => convWeightGradient(b, node)],
]);

/**
 * The model with the gradient operators of `differentiate` written out in standard operators, for an engine that has no kernels
 * of its own for them. Other nodes stay, in their order.
 */
export function lowerGradients(model: Model): Model {
  const lowering = (node: Node) => (node.domain === GRAFT_DOMAIN ? STANDARD.get(node.opType) : undefined);
  if (!model.graph.nodes.some(lowering)) return model;
  const b = emptied(model, 'standard/');
  for (const node of model.graph.nodes) {
    const lower = lowering(node);
    if (lower === undefined) b.node(node);
    else b.op('Identity', [lower(b, node)], {}, { outputs: node.outputs });
  }
  const made = b.model();
  const lowered: Model = { ...made, graph: { ...made.graph, outputs: model.graph.outputs } };
  const rest = lowered.graph.nodes.some((node) => node.domain === GRAFT_DOMAIN);
  return rest
    ? lowered
    : { ...lowered, opsets: new Map([...lowered.opsets].filter(([domain]) => domain !== GRAFT_DOMAIN)) };
}

/**
 * A builder that has all of the model but its nodes and outputs, for writing it anew node by node; fresh names start with `prefix`,
 * made longer where the model has such names already.
 */
export function emptied(model: Model, prefix: string): GraphBuilder {
  const { graph } = model;
  const taken = (p: string): boolean => graph.nodes.some((node) => node.outputs.some((name) => name.startsWith(p)));
  let own = prefix;
  while (taken(own)) own = `${own}/`;
  return graphBuilder({ from: { ...model, graph: { ...graph, nodes: [], outputs: [] } }, prefix: own });
}
