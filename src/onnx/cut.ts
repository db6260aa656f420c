import { type Layout, layoutOf } from './axes.js';
import { type GraphBuilder, graphBuilder } from './builder.js';
import { reduceMean } from './emit.js';
import { OnnxError } from './error.js';
import { names, neededFunctions, producers, statedType } from './graph.js';
import { reads } from './order.js';
import type { Graph, Model, Node, Tensor, ValueInfo } from './types.js';

/**
 * Keeps what produces `tensor`, which becomes the only output: the nodes it depends on, in their order, and of inputs,
 * initializers and functions only those that these need. Tensors stay views of the same bytes.
 * Throws `unknown-tensor` naming close names, `invalid-argument` where nothing produces it (an input or initializer).
 */
export function cut(model: Model, tensor: string): Model {
  return cutMany(model, [tensor]);
}

/** As `cut`, for several tensors at once; they become the outputs in this order. */
export function cutMany(model: Model, tensors: readonly string[]): Model {
  const { graph } = model;
  const made = producers(graph);
  for (const tensor of tensors) if (!made.has(tensor)) throw absent(graph, tensor);
  const nodes = new Set<Node>();
  const wanted = new Set<string>();
  const stack = [...tensors];
  for (let name = stack.pop(); name !== undefined; name = stack.pop()) {
    if (wanted.has(name)) continue;
    wanted.add(name);
    const node = made.get(name);
    if (!node || nodes.has(node)) continue;
    nodes.add(node);
    stack.push(...reads(node));
  }
  const kept = graph.nodes.filter((node) => nodes.has(node));
  const produced = new Set([...wanted, ...kept.flatMap((node) => node.outputs)]);
  return {
    ...model,
    functions: neededFunctions(model, kept),
    graph: {
      ...graph,
      inputs: graph.inputs.filter((v) => wanted.has(v.name)),
      outputs: tensors.map(
        (name): ValueInfo => statedType(graph, name) ?? { name, dataType: 'undefined', shape: null },
      ),
      nodes: kept,
      initializers: new Map<string, Tensor>([...graph.initializers].filter(([name]) => wanted.has(name))),
      valueInfo: new Map([...graph.valueInfo].filter(([name]) => produced.has(name))),
    },
  };
}

function absent(graph: Graph, tensor: string): OnnxError {
  const all = names(graph);
  if (all.has(tensor))
    return new OnnxError(
      'invalid-argument',
      `Nothing in the graph computes '${tensor}'; it is an input or a constant. Cut at the output of an operator.`,
    );
  const close = nearest(
    tensor,
    graph.nodes.flatMap((node) => node.outputs),
  );
  return new OnnxError(
    'unknown-tensor',
    `The graph has no tensor '${tensor}'.${close.length > 0 ? ` Close to it: ${close.map((n) => `'${n}'`).join(', ')}.` : ''}`,
  );
}

/** Up to five names that share most with `name`, by pairs of letters (Dice's coefficient). */
function nearest(name: string, candidates: readonly string[]): readonly string[] {
  const pairs = (s: string): Set<string> =>
    new Set(Array.from({ length: Math.max(1, s.length - 1) }, (_, i) => s.slice(i, i + 2).toLowerCase()));
  const own = pairs(name);
  return candidates
    .map((candidate) => {
      const other = pairs(candidate);
      let common = 0;
      for (const p of other) if (own.has(p)) common++;
      return { candidate, score: (2 * common) / (own.size + other.size) };
    })
    .filter((c) => c.score > 0.4)
    .sort((a, b) => b.score - a.score)
    .slice(0, 5)
    .map((c) => c.candidate);
}

/**
 * The feature extractor of a cut: `cut`, then what makes its tensor one row per example, so that the only output is
 * `[N, features]`: maps are averaged over their places, tokens over the tokens, everything else is laid out flat (see
 * `layoutOf`). `features`, where it is known, is stated as the width.
 */
export function featureTrunk(model: Model, at: { readonly tensor: string; readonly features?: number }): Model {
  const trunk = cut(model, at.tensor);
  const b = graphBuilder({ from: trunk, keepOutputs: [] });
  const rows = asRows(b, at.tensor, layoutOf(trunk.graph, at.tensor));
  const dataType = statedType(trunk.graph, at.tensor)?.dataType;
  const batch = trunk.graph.inputs[0]?.shape?.[0] ?? '';
  b.output(rows, dataType === 'float16' || dataType === 'float64' ? dataType : 'float32', [batch, at.features ?? '']);
  return b.model();
}

function asRows(b: GraphBuilder, x: string, layout: Layout): string {
  if (layout === 'map') return b.op('Flatten', [b.op('GlobalAveragePool', [x])], { axis: 1 });
  if (layout === 'lastMap') return reduceMean(b, x, [1, 2], false);
  if (layout === 'tokens') return reduceMean(b, x, [1], false);
  return b.op('Flatten', [x], { axis: 1 });
}
