import { OnnxError } from './error.js';
import { reads } from './order.js';
import { elements, numbers } from './tensor.js';
import type { Graph, Node, Tensor } from './types.js';

/** A layer with parameters. */
export interface ParameterLayer {
  /** Its first node's name, or where it has none that of what it makes. */
  readonly name: string;
  /** Operator of its first node. */
  readonly kind: string;
  /** Names of initializers. */
  readonly parameters: readonly string[];
}

/** What begins a layer: operators that weigh what they are given, and tables of embeddings. */
const WEIGHS =
  /^(Conv|ConvTranspose|DeformConv|FusedConv|Gemm|FusedGemm|MatMul|FusedMatMul|Einsum|Gather|LSTM|GRU|RNN|Attention|MultiHeadAttention|GroupQueryAttention)$/;
/** Of these only the first inputs are data: limits, sizes and scales behind them are no layer's parameters. */
const FIRST_ONLY = /^(Clip|Resize|Upsample|Pad|Reshape|Slice|Expand|Tile|Where|Squeeze|Unsqueeze|Split)$/;

/**
 * The layers that have parameters, from input to output: one for every operator that weighs its input. Biases, scales,
 * normalisations, embedded places and what else has parameters belongs to the layer whose output it works on, or else to the
 * layer before it. Parameters are float initializers of an axis or more that are mixed with data, as they are or after
 * transposing, gathering and such; running statistics are none, nor are single numbers (epsilons, scales) and masks. A tensor
 * that several layers share belongs to the first of them.
 */
export function parameterLayers(graph: Graph): readonly ParameterLayer[] {
  const sources = weightSources(graph);
  const seen = new Set<string>();
  const layers: { name: string; kind: string; parameters: string[] }[] = [];
  const byOutput = new Map<string, (typeof layers)[number]>();
  for (const node of graph.nodes) {
    const output = node.outputs[0] ?? '';
    if (sources.has(output)) continue;
    const own = parametersOf(node, graph, sources);
    if (own.length === 0) continue;
    const fresh = own.filter((name) => !seen.has(name));
    for (const name of fresh) seen.add(name);
    const weighs = WEIGHS.test(node.opType);
    const before = weighs ? undefined : (node.inputs.map((name) => byOutput.get(name)).find(Boolean) ?? layers.at(-1));
    if (before !== undefined) {
      before.parameters.push(...fresh);
      byOutput.set(output, before);
    } else if (fresh.length > 0 || weighs) {
      // Without parameters of its own where all are shared with layers before; its scales and biases may follow.
      const layer = { name: node.name || output, kind: node.opType, parameters: fresh };
      layers.push(layer);
      byOutput.set(output, layer);
    }
  }
  return layers.filter((layer) => layer.parameters.length > 0);
}

/** The parameters of the last `count` layers. Throws `invalid-argument` where there are not as many. */
export function lastLayers(graph: Graph, count: number): readonly string[] {
  const layers = parameterLayers(graph);
  if (!(Number.isInteger(count) && count >= 1 && count <= layers.length))
    throw new OnnxError(
      'invalid-argument',
      `There are ${layers.length} layers with parameters; ${count} were asked for.`,
    );
  return layers.slice(-count).flatMap((layer) => layer.parameters);
}

/**
 * The float initializers that each tensor is made of which no input of the graph has a part in: exporters put Identity,
 * Transpose, Cast or Gather between a weight and its reader. Empty for constants of another kind.
 */
function weightSources(graph: Graph): ReadonlyMap<string, readonly string[]> {
  const sources = new Map<string, readonly string[]>();
  for (const [name, value] of graph.initializers)
    sources.set(name, isFloat(value) && value.dims.length > 0 ? [name] : []);
  for (const node of graph.nodes) {
    const inputs = reads(node);
    if (/^Random/.test(node.opType) || !inputs.every((name) => sources.has(name))) continue;
    // Quantised weights cannot be trained, and what they are scaled by is none.
    const of = /Quantize/.test(node.opType) ? [] : dataInputs(node).flatMap((name) => sources.get(name) ?? []);
    for (const output of node.outputs) if (output !== '') sources.set(output, [...new Set(of)]);
  }
  return sources;
}

function dataInputs(node: Node): readonly string[] {
  if (node.opType === 'Where') return node.inputs.slice(1);
  if (FIRST_ONLY.test(node.opType)) return node.inputs.slice(0, 1);
  return node.opType === 'BatchNormalization' ? node.inputs.slice(0, 3) : node.inputs;
}

function parametersOf(node: Node, graph: Graph, sources: ReadonlyMap<string, readonly string[]>): readonly string[] {
  if (/^(Identity|Shape|Size|.*Quantize.*|QLinear.*)$/.test(node.opType)) return [];
  const single = node.opType === 'PRelu' || /Normalization$/.test(node.opType) || WEIGHS.test(node.opType);
  const found = dataInputs(node).flatMap((input) => sources.get(input) ?? []);
  return [...new Set(found)].filter((name) => {
    const value = graph.initializers.get(name) as Tensor;
    return single || (elements(value.dims) > 1 && !isMask(value));
  });
}

const isFloat = (value: Tensor): boolean => /^(float|bfloat)/.test(value.dataType);

/** A constant of several axes that holds two numbers or one: what is added to or multiplied with data to hide a part. */
function isMask(value: Tensor): boolean {
  if (value.dims.filter((d) => d > 1).length < 2 || value.external || value.dataType === 'bfloat16') return false;
  const seen = new Set<number>();
  for (const x of numbers(value)) {
    seen.add(x);
    if (seen.size > 2) return false;
  }
  return true;
}
