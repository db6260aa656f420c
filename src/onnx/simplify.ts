import { intsAttribute } from './attributes.js';
import { cutMany } from './cut.js';
import { subgraphs } from './order.js';
import { renameTensors } from './rename.js';
import type { Attribute, Model, Node, Shapes, Tensor } from './types.js';

const RANDOM = /^(Random|Multinomial|Bernoulli|Dropout)/;
/** Constants up to this size are compared; larger ones are hardly ever written twice. */
const COMPARED_BYTES = 1024;

/**
 * The model with every value computed once and for a reason: nodes that give what they were given go (Identity, Dropout that
 * does not train, Cast to the same type, and by `shapes` what changes no size), of nodes that compute the same the first
 * stays, equal sizes and numbers become one, and what no output needs goes. Outputs, inputs and `parameters` keep their names;
 * other names may go. Where `shapes` are given the result is for those sizes only.
 */
export function simplified(
  model: Model,
  o: { readonly parameters?: readonly string[]; readonly shapes?: Shapes } = {},
): Model {
  const { graph } = model;
  const kept = new Set([...graph.outputs, ...graph.inputs].map((v) => v.name));
  const instead = new Map<string, string>(sameConstants(model, new Set([...(o.parameters ?? []), ...kept])));
  const now = (name: string): string => instead.get(name) ?? name;
  const seen = new Map<string, Node>();
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    const [output] = node.outputs;
    if (output !== undefined && !kept.has(output) && passes(node, model, o.shapes)) {
      instead.set(output, now(node.inputs[0] as string));
      continue;
    }
    const key = RANDOM.test(node.opType) || subgraphs(node).length > 0 ? null : keyOf(node, now);
    const known = key === null ? undefined : seen.get(key);
    if (known !== undefined && !node.outputs.some((name) => kept.has(name))) {
      node.outputs.forEach((name, i) => {
        if (name !== '') instead.set(name, now(known.outputs[i] as string));
      });
      continue;
    }
    if (key !== null && known === undefined) seen.set(key, node);
    nodes.push(node);
  }
  // What is read under a name that is gone is read under the one that stays, in bodies of control flow too.
  const renamed = renameTensors({ ...graph, nodes, valueInfo: new Map() }, instead);
  const made = new Set(nodes.flatMap((node) => node.outputs));
  const initializers = new Map([...graph.initializers].filter(([name]) => !instead.has(name)));
  const whole = { ...model, graph: { ...renamed, inputs: graph.inputs, outputs: graph.outputs, initializers } };
  if (!graph.outputs.every((v) => made.has(v.name))) return whole;
  const wanted = graph.outputs.map((v) => v.name);
  const alive = cutMany(whole, wanted).graph;
  const trained = (o.parameters ?? []).flatMap((name): [string, Tensor][] => {
    const value = graph.initializers.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  const all = new Map([...alive.initializers, ...trained]);
  return { ...whole, graph: { ...alive, inputs: graph.inputs, outputs: graph.outputs, initializers: all } };
}

/** Whether a node's only output is its first input. */
function passes(node: Node, { opsets }: Model, shapes: Shapes | undefined): boolean {
  if (node.domain !== '' || !node.inputs[0] || node.outputs.filter((name) => name !== '').length !== 1) return false;
  const [before, after] = [shapes?.get(node.inputs[0]), shapes?.get(node.outputs[0] as string)];
  switch (node.opType) {
    case 'Identity':
      return true;
    case 'Dropout':
      return (opsets.get('') ?? 0) < 12 || !node.inputs[2];
    case 'Transpose':
      return intsAttribute(node, 'perm')?.every((axis, i) => axis === i) ?? false;
    case 'Concat':
    case 'Sum':
    case 'Min':
    case 'Max':
    case 'Mean':
      return node.inputs.length === 1;
    case 'Cast':
      return before !== undefined && before.dataType === after?.dataType;
    case 'Reshape':
    case 'Flatten':
    case 'Squeeze':
    case 'Unsqueeze':
    case 'Expand':
      return before !== undefined && after !== undefined && before.dims.join() === after.dims.join();
    case 'Slice':
      return (
        before !== undefined &&
        after !== undefined &&
        before.dims.join() === after.dims.join() &&
        !backwards(node, opsets.get('') ?? 0)
      );
    default:
      return false;
  }
}

/** A slice may turn an axis around and keep its size. Steps are an input since opset 10; only those left out are 1 for sure. */
const backwards = (node: Node, opset: number): boolean => opset >= 10 && (node.inputs[4] ?? '') !== '';

/** One letter for each byte. */
const latin1 = new TextDecoder('latin1');

/** What two nodes share that compute the same. */
function keyOf(node: Node, now: (name: string) => string): string {
  const attributes = [...node.attributes].map(([name, a]) => `${name}=${textOf(a)}`).sort();
  const outputs = node.outputs.map((name) => (name === '' ? '' : 'y'));
  return JSON.stringify([node.domain, node.opType, node.inputs.map(now), outputs, attributes]);
}
function textOf(a: Attribute): string {
  if (a.type === 'tensor') return tensorText(a.value);
  if (a.type === 'tensors') return a.value.map(tensorText).join();
  if (a.type === 'graph' || a.type === 'graphs') return a.type;
  const list = Array.isArray(a.value) ? a.value : [a.value];
  const text = list.map((v: unknown) => (v instanceof Uint8Array ? latin1.decode(v) : String(v)));
  return `${a.type}:${text.join()}${a.type === 'reference' ? a.of : ''}`;
}
function tensorText({ dataType, dims, data, strings, external }: Tensor): string {
  const parts = [data, ...(strings ?? [])].map((bytes) => latin1.decode(bytes));
  return `${dataType}[${dims}]${parts.join()}${external ? [...external] : ''}`;
}

/**
 * Sizes, indices and single numbers that hold what an earlier one holds, by its name. Weights and running statistics stay
 * apart, whatever they hold: training may move one and not the other.
 */
function sameConstants({ graph }: Model, apart: ReadonlySet<string>): ReadonlyMap<string, string> {
  const first = new Map<string, string>();
  const instead = new Map<string, string>();
  for (const [name, value] of graph.initializers) {
    const plain = value.dims.length === 0 || /^(u?int|bool)/.test(value.dataType);
    if (!plain || apart.has(name) || value.external || value.data.length > COMPARED_BYTES) continue;
    const key = tensorText(value);
    const known = first.get(key);
    if (known === undefined) first.set(key, name);
    else instead.set(name, known);
  }
  return instead;
}
