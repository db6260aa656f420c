import { type GraphBuilder, graphBuilder } from './builder.js';
import { cutMany } from './cut.js';
import { ints } from './emit.js';
import { producers } from './graph.js';
import { reads } from './order.js';
import { elements } from './tensor.js';
import type { Model, Node, Shapes } from './types.js';

export interface FrozenSplit {
  /** The frozen part: the model's input -> one row `[N, width]` an example, everything that the part above reads of it. */
  readonly below: Model;
  /** The rest: input `frozen` [batch, width] -> the model's outputs. */
  readonly above: Model;
  readonly width: number;
}

/** Name of the input by which the upper part is given the rows of the lower. */
export const FROZEN = 'frozen';

/**
 * Divides a model where the first of the trained `parameters` comes in: what lies below gives the same for an example in
 * every epoch, so it may run once. Several tensors that cross the border (a block and its shortcut) become one row.
 * `shapes` are measured for the batch that the upper part is made for; `unfolded` is the model before its sizes were folded for
 * that batch, of which the lower part is made, since that runs on other numbers of examples. null where nothing worth keeping lies below (the
 * first layer is trained), or where what crosses is not one float32 row per example.
 */
export function splitFrozen(
  model: Model,
  parameters: readonly string[],
  shapes: Shapes,
  unfolded: Model = model,
): FrozenSplit | null {
  const { graph } = model;
  const trained = reached(graph.nodes, parameters);
  const fed = reached(
    graph.nodes,
    graph.inputs.map((v) => v.name),
  );
  const crossing = new Set<string>();
  for (const node of graph.nodes)
    if (node.outputs.some((name) => trained.has(name)))
      for (const name of reads(node)) if (!trained.has(name) && fed.has(name)) crossing.add(name);
  const border = [...crossing];
  const made = producers(graph);
  if (border.length === 0 || border.some((name) => !made.has(name))) return null;
  const sizes = border.map((name) => shapes.get(name));
  const batch = sizes[0]?.dims[0];
  if (batch === undefined || sizes.some((s) => s?.dataType !== 'float32' || s.dims[0] !== batch)) return null;
  const below = rowsOf(cutMany(unfolded, border), border);
  if (![...below.graph.initializers.values()].some((t) => t.dims.length > 1 && elements(t.dims) > 16)) return null;
  const widths = sizes.map((s) => elements((s?.dims ?? []).slice(1)));
  const width = widths.reduce((a, b) => a + b, 0);
  const front = graphBuilder({ opset: model.opsets.get('') ?? 0, prefix: 'frozen/' });
  front.input(FROZEN, 'float32', ['N', width]);
  let at = 0;
  border.forEach((name, i) => {
    const end = at + (widths[i] as number);
    const part = border.length === 1 ? FROZEN : sliced(front, at, end);
    // 0: as many examples as there are.
    front.op('Reshape', [part, ints(front, [0, ...(sizes[i]?.dims ?? []).slice(1)])], {}, { outputs: [name] });
    at = end;
  });
  const head = front.model().graph;
  const inside = new Set(border);
  const rest = graph.nodes.filter((node) => !node.outputs.some((name) => inside.has(name)));
  const above = cutMany(
    {
      ...model,
      graph: {
        ...graph,
        inputs: head.inputs,
        nodes: [...head.nodes, ...rest],
        initializers: new Map([...graph.initializers, ...head.initializers]),
        valueInfo: new Map(),
      },
    },
    graph.outputs.map((v) => v.name),
  );
  return { below, above: { ...above, graph: { ...above.graph, outputs: graph.outputs } }, width };
}

function sliced(b: GraphBuilder, start: number, end: number): string {
  if (b.opset < 10) return b.op('Slice', [FROZEN], { starts: [start], ends: [end], axes: [1] });
  return b.op('Slice', [FROZEN, ints(b, [start]), ints(b, [end]), ints(b, [1])]);
}

/** The tensors side by side, each flattened to rows. */
function rowsOf(model: Model, border: readonly string[]): Model {
  const b = graphBuilder({ from: model, prefix: 'frozen/', keepOutputs: [] });
  const flat = border.map((name) => b.op('Flatten', [name], { axis: 1 }));
  const row = flat.length === 1 ? (flat[0] as string) : b.op('Concat', flat, { axis: 1 });
  b.output(row, 'float32', null);
  return b.model();
}

/** Tensors that depend on any of `from`, those included. */
function reached(nodes: readonly Node[], from: readonly string[]): ReadonlySet<string> {
  const found = new Set(from);
  for (const node of nodes)
    if (reads(node).some((name) => found.has(name)))
      for (const output of node.outputs) if (output !== '') found.add(output);
  return found;
}
