import { floatAttribute, intAttribute } from './attributes.js';
import { consumers, producers } from './graph.js';
import type { Graph, Model, Node } from './types.js';

/**
 * A model exported while it trained (`training=TRAINING`), as it is used: BatchNormalization by the given statistics instead of
 * the batch's, Dropout as the identity, and what drops whole branches at random (stochastic depth, Huang et al. 2016, arXiv
 * 1603.09382) replaced by its mean. Tensors and initializers keep their names. Other models are returned as they are.
 */
export function inferenceForm(model: Model): Model {
  const { graph } = model;
  const opset = model.opsets.get('') ?? 0;
  const read = consumers(graph);
  const used = (name: string): boolean =>
    name !== '' && (read.has(name) || graph.outputs.some((output) => output.name === name));
  const averages = means(graph);
  let changed = false;
  const nodes = graph.nodes.map((node): Node => {
    const still = averages.get(node) ?? (node.outputs.slice(1).some(used) ? null : stilled(node, opset));
    changed ||= still !== null;
    return still ?? node;
  });
  return changed ? { ...model, graph: { ...graph, nodes } } : model;
}

/** The node for inference; null where it is that already. */
function stilled(node: Node, opset: number): Node | null {
  if (node.domain !== '') return null;
  if (node.opType === 'Dropout' && (opset < 12 || node.inputs[2]))
    return {
      ...node,
      opType: 'Identity',
      inputs: node.inputs.slice(0, 1),
      outputs: node.outputs.slice(0, 1),
      attributes: new Map(),
    };
  // Before opset 14 a second output was what said that it trains.
  if (
    node.opType !== 'BatchNormalization' ||
    (intAttribute(node, 'training_mode', 0) === 0 && node.outputs.length === 1)
  )
    return null;
  const attributes = new Map([...node.attributes].filter(([name]) => name !== 'training_mode' && name !== 'momentum'));
  return { ...node, outputs: node.outputs.slice(0, 1), attributes };
}

const UNIFORM: ReadonlySet<string> = new Set(['RandomUniform', 'RandomUniformLike']);

/**
 * Where a number drawn between 0 and 1 becomes 0 or 1, the probability of 1 in its place: of Bernoulli(p), of Cast(u < p)
 * as torchvision's stochastic depth is exported, and of Floor(p + u), as transformers and timm write it.
 */
function means(graph: Graph): ReadonlyMap<Node, Node> {
  const made = producers(graph);
  const found = new Map<Node, Node>();
  const uniform = (name: string | undefined): boolean => {
    const node = made.get(name ?? '');
    return (
      node !== undefined &&
      UNIFORM.has(node.opType) &&
      floatAttribute(node, 'low', 0) === 0 &&
      floatAttribute(node, 'high', 1) === 1
    );
  };
  for (const node of graph.nodes) {
    const below = made.get(node.inputs[0] ?? '');
    let probability: string | undefined;
    if (node.opType === 'Bernoulli') probability = node.inputs[0];
    else if (node.opType === 'Cast' && below?.opType === 'Less' && uniform(below.inputs[0]))
      probability = below.inputs[1];
    else if (node.opType === 'Floor' && below?.opType === 'Add')
      probability = below.inputs.find((_, i) => uniform(below.inputs[1 - i]));
    if (!probability) continue;
    // A number without axes scales what the random ones, one per example, would have scaled.
    const still = node.opType === 'Cast' ? {} : { opType: 'Identity', attributes: new Map() };
    found.set(node, { ...node, ...still, inputs: [probability] });
  }
  return found;
}
