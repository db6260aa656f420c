import { producers } from './graph.js';
import { renameTensors } from './rename.js';
import type { Model, Node } from './types.js';

/**
 * The model without Identity nodes whose only deed is a name for an output: what makes their input makes the output itself.
 * An engine that is given memory for an output would copy into it otherwise. Identities of inputs, constants and of what is an
 * output already stay.
 */
export function withoutLastCopies(model: Model): Model {
  const { graph } = model;
  const made = producers(graph);
  const outputs = new Set(graph.outputs.map((v) => v.name));
  const instead = new Map<string, string>();
  const gone = new Set<Node>();
  // From the end, so that of several in a row each finds the name that the one behind it has passed on.
  for (const node of [...graph.nodes].reverse()) {
    const [from, to] = [node.inputs[0] as string, node.outputs[0] as string];
    const name = instead.get(to) ?? to;
    if (node.opType !== 'Identity' || node.domain !== '' || !outputs.has(name)) continue;
    if (!made.has(from) || outputs.has(from) || instead.has(from)) continue;
    instead.set(from, name);
    gone.add(node);
  }
  const nodes = graph.nodes.filter((node) => !gone.has(node));
  return { ...model, graph: renameTensors({ ...graph, nodes }, instead) };
}
