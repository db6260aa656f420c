import { intAttribute } from './attributes.js';
import { cutMany } from './cut.js';
import { neededFunctions } from './graph.js';
import { reads, subgraphs } from './order.js';
import { encodeModel } from './proto/encode.js';
import { elements, tensor } from './tensor.js';
import type { Model, Node, Shapes, Tensor } from './types.js';

/** Runs a model without inputs and answers the values of its outputs. */
export type ValueRunner = (bytes: Uint8Array[]) => Promise<ReadonlyMap<string, Tensor>>;

const RANDOM = /^(Random|Multinomial|Bernoulli|Dropout)/;
/** Results above this are left to be computed: a filled tensor is cheaper made than stored. */
const MOST_BYTES = 4 * 1024 * 1024;

/**
 * The model with everything computed that depends neither on an input's values nor on a parameter's: sizes, which `shapes` tell
 * (so the result is for that batch only), and what follows from them and from constants, as exporters write it before
 * Reshape, Slice and Expand. The results become initializers; nodes that made them go. Random operators and nodes with
 * graphs inside stay.
 */
export async function foldConstants(
  model: Model,
  o: { readonly shapes: Shapes; readonly parameters: readonly string[]; readonly run: ValueRunner },
): Promise<Model> {
  const sized = withSizes(model, o.shapes);
  const { graph } = sized;
  const parameters = new Set(o.parameters);
  const known = new Set([...graph.initializers.keys()].filter((name) => !parameters.has(name)));
  const folded = new Set<Node>();
  for (const node of graph.nodes) {
    const stays = RANDOM.test(node.opType) || subgraphs(node).length > 0 || large(node, o.shapes);
    if (stays || !reads(node).every((name) => known.has(name))) continue;
    folded.add(node);
    for (const output of node.outputs) if (output !== '') known.add(output);
  }
  if (folded.size === 0) return sized;
  const rest = graph.nodes.filter((node) => !folded.has(node));
  const made = new Set([...folded].flatMap((node) => node.outputs));
  const wanted = [...new Set([...rest.flatMap(reads), ...graph.outputs.map((v) => v.name)])].filter((n) => made.has(n));
  const values =
    wanted.length === 0 ? new Map<string, Tensor>() : await o.run(encodeModel(constantPart(sized, wanted)));
  const used = new Set([...rest.flatMap(reads), ...graph.outputs.map((v) => v.name)]);
  const initializers = new Map([...graph.initializers].filter(([name]) => used.has(name) || parameters.has(name)));
  for (const [name, value] of values) initializers.set(name, { ...value, name });
  return {
    ...sized,
    functions: neededFunctions(sized, rest),
    graph: { ...graph, nodes: rest, initializers },
  };
}

const large = (node: Node, shapes: Shapes): boolean =>
  node.outputs.some((name) => 4 * elements(shapes.get(name)?.dims ?? []) > MOST_BYTES);

/** What the wanted tensors are made of, as a model of its own without inputs. */
function constantPart(model: Model, wanted: readonly string[]): Model {
  const part = cutMany(model, wanted);
  return { ...part, graph: { ...part.graph, inputs: [], valueInfo: new Map() } };
}

/** Shape and Size become constants. */
function withSizes(model: Model, shapes: Shapes): Model {
  const { graph } = model;
  const sizes = new Map<string, Tensor>();
  const nodes = graph.nodes.filter((node) => {
    const dims = node.domain === '' ? shapes.get(node.inputs[0] ?? '')?.dims : undefined;
    const output = node.outputs[0] ?? '';
    if (dims === undefined || (node.opType !== 'Shape' && node.opType !== 'Size')) return true;
    if (node.opType === 'Size') sizes.set(output, tensor(output, 'int64', [], elements(dims)));
    else {
      const from = intAttribute(node, 'start', 0);
      const to = node.attributes.has('end') ? intAttribute(node, 'end', dims.length) : dims.length;
      const part = dims.slice(from, to);
      sizes.set(output, tensor(output, 'int64', [part.length], part));
    }
    return false;
  });
  if (sizes.size === 0) return model;
  return { ...model, graph: { ...graph, nodes, initializers: new Map([...graph.initializers, ...sizes]) } };
}
