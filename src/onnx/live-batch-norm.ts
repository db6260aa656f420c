import { float, floatAttribute, intAttribute } from './attributes.js';
import { type GraphBuilder, graphBuilder } from './builder.js';
import { constant, reduceMean, reshape } from './emit.js';
import { GRAFT_DOMAIN, writtenOut } from './graft-domain.js';
import { nextName } from './optimizer.js';
import { elements, tensor } from './tensor.js';
import type { DataType, Model, Node, Shapes, TensorShape } from './types.js';

export const LIVE = 'LiveBatchNormalization';

/** A running mean or variance that a training step brings up to date: fed as `input`, given out as `output`. */
export interface Statistic {
  readonly input: string;
  readonly output: string;
  readonly dims: readonly number[];
}

/**
 * For training: every BatchNormalization that goes by given statistics goes by those of the batch, and what it was given becomes
 * the running statistics, inputs of the graph with a next value each: (1 - momentum) old + momentum batch, the variance
 * unbiased, as PyTorch has it (Ioffe and Szegedy 2015, arXiv 1502.03167). The nodes are `graft.LiveBatchNormalization` (x,
 * scale, bias) -> (y, mean, variance), which `differentiate` knows and `lowerLive` writes out in standard operators.
 * `shapes` are those of the batch that is trained on.
 */
export function liveBatchNorm(
  model: Model,
  shapes: Shapes,
  momentum = 0.1,
): { readonly model: Model; readonly statistics: readonly Statistic[] } {
  const { graph } = model;
  const b = graphBuilder({ from: model, prefix: 'live/' });
  const statistics: Statistic[] = [];
  const seen = new Set<string>();
  const replaced = new Map<Node, Node>();
  for (const node of graph.nodes) {
    const [x, scale, bias, mean, variance] = node.inputs as readonly string[];
    if (node.opType !== 'BatchNormalization' || node.domain !== '' || intAttribute(node, 'training_mode', 0) !== 0)
      continue;
    if (!x || !scale || !bias || !mean || !variance) continue;
    const [m, v] = [graph.initializers.get(mean), graph.initializers.get(variance)];
    const dims = shapes.get(x)?.dims;
    if (!m || !v || !dims || m.dataType !== 'float32') continue;
    const [batchMean, batchVariance] = [b.fresh('mean'), b.fresh('variance')];
    replaced.set(node, {
      ...node,
      opType: LIVE,
      domain: GRAFT_DOMAIN,
      inputs: [x, scale, bias],
      outputs: [node.outputs[0] as string, batchMean, batchVariance],
    });
    const count = elements(dims) / (dims[1] as number);
    const add = (name: string, fresh: string, share: number, size: readonly number[]): void => {
      if (seen.has(name)) return;
      seen.add(name);
      const kept = b.op('Mul', [name, constant(b, 'float32', 1 - momentum)]);
      const taken = b.op('Mul', [fresh, constant(b, 'float32', share)]);
      const output = b.op('Add', [kept, taken], {}, { outputs: [nextName(name)] });
      b.output(output, 'float32', size);
      statistics.push({ input: name, output, dims: size });
    };
    add(mean, batchMean, momentum, m.dims);
    add(variance, batchVariance, (momentum * count) / Math.max(1, count - 1), v.dims);
  }
  const made = b.model();
  // Readers of the batch's statistics stand behind all nodes, so the order holds.
  const nodes = made.graph.nodes.map((node) => replaced.get(node) ?? node);
  return {
    model: { ...made, opsets: new Map([...made.opsets, [GRAFT_DOMAIN, 1]]), graph: { ...made.graph, nodes } },
    statistics,
  };
}

/** Sizes of what no runtime can measure: the statistics of the batch that `liveBatchNorm`'s operators give out. */
export function liveShapes({ graph }: Model): Shapes {
  const found = new Map<string, TensorShape>();
  for (const node of graph.nodes) {
    const scale = graph.initializers.get(node.inputs[1] ?? '');
    if (node.domain !== GRAFT_DOMAIN || node.opType !== LIVE || !scale) continue;
    for (const name of node.outputs.slice(1)) found.set(name, { dataType: 'float32', dims: scale.dims });
  }
  return found;
}

/** Numbers [C] as they lie along the second axis of something of `rank` axes. */
export const alongChannels = (b: GraphBuilder, name: string, channels: number, rank: number): string =>
  rank <= 2 ? name : reshape(b, name, [channels, ...new Array(rank - 2).fill(1)]);

/** x * scale + bias per channel, in one pass over the map. */
export function scaleAndShift(
  b: GraphBuilder,
  x: string,
  scale: string,
  bias: string,
  channels: number,
  type: DataType,
): string {
  const zeros = constant(b, type, 0, [channels]);
  return b.op('BatchNormalization', [x, scale, bias, zeros, constant(b, type, 1, [channels])], { epsilon: float(0) });
}

/** The model with `graft.LiveBatchNormalization` written out in standard operators. `shapes` as of the batch. */
export function lowerLive(model: Model, shapes: Shapes): Model {
  return writtenOut(model, LIVE, 'lowered/', (b, node) => {
    const [x, scale, bias] = node.inputs as readonly [string, string, string];
    const [y, mean, variance] = node.outputs as readonly [string, string, string];
    const rank = shapes.get(x)?.dims.length ?? 4;
    const axes = Array.from({ length: rank }, (_, i) => i).filter((i) => i !== 1);
    reduceMean(b, x, axes, false, { outputs: [mean] });
    // E(x²) - E(x)² in one pass less than by differences; rounding may take it below zero.
    const dims = shapes.get(x)?.dims ?? [];
    const count = elements(dims) / (dims[1] ?? 1);
    const squares = sumOfSquares(b, x, axes);
    const power = b.op('Mul', [squares, constant(b, 'float32', 1 / count)]);
    const raw = b.op('Sub', [power, b.op('Mul', [mean, mean])]);
    b.op('Max', [raw, constant(b, 'float32', 0)], {}, { outputs: [variance] });
    const epsilon = float(floatAttribute(node, 'epsilon', 1e-5));
    b.op('BatchNormalization', [x, scale, bias, mean, variance], { epsilon }, { outputs: [y] });
  });
}

function sumOfSquares(b: GraphBuilder, x: string, axes: readonly number[]): string {
  if (b.opset < 18) return b.op('ReduceSumSquare', [x], { axes, keepdims: 0 });
  return b.op('ReduceSumSquare', [x, b.constant(tensor('', 'int64', [axes.length], axes))], { keepdims: 0 });
}
