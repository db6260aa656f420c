import { subgraphs } from '../order.js';
import { elements } from '../tensor.js';
import type { Graph, Model, Node, Tensor } from '../types.js';
import type { ModelProblem } from './sniff.js';

/** Tensors whose data lie in files that did not come with the model. */
export function external({ graph, functions }: Model): ModelProblem[] {
  const all = [...tensorsOf(graph), ...functions.flatMap((f) => tensorsIn(f.nodes))];
  const elsewhere = all.filter((t) => t.external);
  const first = elsewhere[0];
  if (!first) return [];
  const files = [...new Set(elsewhere.map((t) => t.external?.get('location') ?? '?'))].map((f) => `'${f}'`);
  const named = files.length > 3 ? `${files.slice(0, 3).join(', ')}, … ${files.length} in all` : files.join(', ');
  const count = elsewhere.reduce((n, t) => n + elements(t.dims), 0);
  return [
    {
      code: 'external-data-missing',
      path: first.name,
      detail: `${elsewhere.length} tensors with ${count} parameters lie in other files (${named}) that were not uploaded. Upload a zip that holds the .onnx file with these beside it, or fetch the model from its hub (hub:ORG/NAME); up to 2 GiB are taken.`,
    },
  ];
}

/** Every constant: initializers, and those that are attributes, of subgraphs too. */
const tensorsOf = ({ initializers, nodes }: Graph): Tensor[] => [...initializers.values(), ...tensorsIn(nodes)];
function tensorsIn(nodes: readonly Node[]): Tensor[] {
  return nodes.flatMap((node) => [
    ...[...node.attributes.values()].flatMap((a) => (a.type === 'tensor' || a.type === 'tensors' ? a.value : [])),
    ...subgraphs(node).flatMap(tensorsOf),
  ]);
}
