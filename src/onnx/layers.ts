import { OnnxError } from './error.js';
import { elements } from './tensor.js';
import type { Graph, Node } from './types.js';

/** A layer with parameters. */
export interface ParameterLayer {
  /** Its first node's name, or where it has none that of what it makes. */
  readonly name: string;
  /** Operator of its first node. */
  readonly kind: string;
  /** Names of initializers. */
  readonly parameters: readonly string[];
  /** The tensor that it makes. */
  readonly output: string;
}

/** Behind a layer these only scale and shift what it made, and belong to it. */
const FOLLOWS: ReadonlySet<string> = new Set(['BatchNormalization', 'Add', 'Mul']);

/**
 * The layers that have parameters, from input to output. Parameters are float initializers of an axis or more that
 * data-carrying nodes read; running statistics are none, nor are single numbers (epsilons, scales). A normalisation, bias or
 * scale directly behind a layer belongs to it; a tensor that several layers share, to the first of them.
 */
export function parameterLayers(graph: Graph): readonly ParameterLayer[] {
  const names = behindIdentities(graph);
  const seen = new Set<string>();
  const layers: { name: string; kind: string; parameters: string[]; output: string }[] = [];
  const byOutput = new Map<string, (typeof layers)[number]>();
  for (const node of graph.nodes) {
    const own = parametersOf(node, graph, names);
    const fresh = own.filter((name) => !seen.has(name));
    for (const name of fresh) seen.add(name);
    const output = node.outputs[0] ?? '';
    const before = FOLLOWS.has(node.opType) ? node.inputs.map((name) => byOutput.get(name)).find(Boolean) : undefined;
    if (before && own.length > 0) {
      before.parameters.push(...fresh);
      byOutput.delete(before.output);
      before.output = output;
      byOutput.set(output, before);
    } else if (fresh.length > 0) {
      const layer = { name: node.name || output, kind: node.opType, parameters: fresh, output };
      layers.push(layer);
      byOutput.set(output, layer);
    }
  }
  return layers;
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

/** Exporters put Identity nodes between a shared initializer and its readers. */
function behindIdentities(graph: Graph): ReadonlyMap<string, string> {
  const names = new Map([...graph.initializers.keys()].map((name) => [name, name]));
  for (const node of graph.nodes) {
    const from = node.opType === 'Identity' ? names.get(node.inputs[0] ?? '') : undefined;
    if (from !== undefined && node.outputs[0]) names.set(node.outputs[0], from);
  }
  return names;
}

function parametersOf(node: Node, graph: Graph, names: ReadonlyMap<string, string>): readonly string[] {
  if (node.opType === 'Identity' || /^(Quantize|Dequantize)/.test(node.opType)) return [];
  const statistics = node.opType === 'BatchNormalization' ? 3 : node.inputs.length;
  // Limits, sizes and scales of a Resize, a Pad's value and such are inputs behind the data, and no layer's parameters.
  const last = /^(Clip|Resize|Upsample|Pad|Reshape|Slice|Expand|Tile|Where)$/.test(node.opType) ? 1 : statistics;
  return node.inputs.slice(0, last).flatMap((input) => {
    const name = names.get(input);
    const found = name === undefined ? undefined : graph.initializers.get(name);
    if (!found || !/^(float|bfloat)/.test(found.dataType) || found.dims.length === 0) return [];
    return elements(found.dims) > 1 || node.opType === 'PRelu' || /Normalization$|^(Conv|Gemm|MatMul)/.test(node.opType)
      ? [name as string]
      : [];
  });
}
