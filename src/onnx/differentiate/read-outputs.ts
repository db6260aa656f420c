import { names } from '../graph.js';
import type { Model, Node } from '../types.js';

/** Outputs that a gradient reads, by operator: hidden states of every step, and what a dropout left. */
const READ: Readonly<Record<string, number>> = { LSTM: 0, GRU: 0, RNN: 0, Dropout: 1 };

/** The same model, in which every node names the optional outputs that its gradient rule reads. */
export function withReadOutputs(model: Model): Model {
  const missing = (node: Node): number | null => {
    const at = node.domain === '' ? READ[node.opType] : undefined;
    return at === undefined || (node.outputs[at] ?? '') !== '' ? null : at;
  };
  // A dropout without its third input (training_mode) is the identity.
  const wanted = (node: Node): boolean =>
    missing(node) !== null && (node.opType !== 'Dropout' || node.inputs.length > 2);
  if (!model.graph.nodes.some(wanted)) return model;
  const used = names(model.graph);
  const fresh = (stem: string): string => {
    let name = stem;
    for (let n = 1; used.has(name); n++) name = `${stem}_${n}`;
    used.add(name);
    return name;
  };
  const nodes = model.graph.nodes.map((node): Node => {
    const at = missing(node);
    if (at === null || !wanted(node)) return node;
    const outputs = [...node.outputs];
    outputs[at] = fresh(`grad/${node.outputs.find((name) => name !== '')}/${at}`);
    return { ...node, outputs };
  });
  return { ...model, graph: { ...model.graph, nodes } };
}
