import { type Model, producers } from '../../../src/onnx/index.js';

/** Tables of which the ids take rows: the words' vectors. By structure, since exporters rename. */
export function wordTables({ graph }: Model, ids: string): ReadonlySet<string> {
  const made = producers(graph);
  const found = new Set<string>();
  const table = (name: string): string =>
    /^(Identity|Cast)$/.test(made.get(name)?.opType ?? '') ? table(made.get(name)!.inputs[0]!) : name;
  const same = new Set([ids]);
  for (const node of graph.nodes) {
    if (/^(Identity|Cast|Reshape|Squeeze|Unsqueeze)$/.test(node.opType) && same.has(node.inputs[0] ?? ''))
      for (const output of node.outputs) same.add(output);
    if (node.opType !== 'Gather' || !same.has(node.inputs[1] ?? '')) continue;
    const name = table(node.inputs[0]!);
    if (graph.initializers.has(name)) found.add(name);
  }
  return found;
}
