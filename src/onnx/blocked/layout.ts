import { cutMany } from '../cut.js';
import { GRAFT_DOMAIN } from '../graft-domain.js';
import { CONV_INPUT_GRADIENT, CONV_WEIGHT_GRADIENT } from '../lower/convolution.js';
import type { Model } from '../types.js';
import { conv, type Rewrite } from './convolution.js';
import { ELEMENTWISE, elementwise } from './elementwise.js';
import { convInputGradient } from './input-gradient.js';
import { batchNormalization, pooling, reduction, summedProduct } from './reduction.js';
import { BLOCKED_DOMAIN, tensorsOf } from './tensors.js';
import { convWeightGradient } from './weight-gradient.js';

/** By operator, the ways to write it in blocked tensors; the first that fits is taken. */
const REWRITES: ReadonlyMap<string, readonly Rewrite[]> = new Map<string, readonly Rewrite[]>([
  ...ELEMENTWISE.map((opType): [string, readonly Rewrite[]] => [opType, [elementwise]]),
  ['Conv', [conv]],
  [`${GRAFT_DOMAIN}:${CONV_INPUT_GRADIENT}`, [convInputGradient]],
  [`${GRAFT_DOMAIN}:${CONV_WEIGHT_GRADIENT}`, [convWeightGradient]],
  ['BatchNormalization', [batchNormalization]],
  ['Mul', [summedProduct, elementwise]],
  ['ReduceSum', [reduction]],
  ['ReduceMean', [reduction]],
  ['ReduceSumSquare', [reduction]],
  ['GlobalAveragePool', [pooling]],
  ['GlobalMaxPool', [pooling]],
  ['MaxPool', [pooling]],
  ['AveragePool', [pooling]],
]);

const CONVOLUTIONS: ReadonlySet<string> = new Set(['Conv', CONV_INPUT_GRADIENT, CONV_WEIGHT_GRADIENT]);

/**
 * Numbers of a result up to which its phases are computed apart. They are copied twice on their way into it, and pieces of a larger
 * one raise the peak of memory (MobileNetV2 at batch 32, 154 MB: by 9 %). There zeros are put between the places first, which takes
 * longer (30 and 49 ms; ConvTranspose 65).
 */
const MOST_IN_PHASES = 10 * 2 ** 20;

/**
 * The same graph for onnxruntime on a CPU whose convolutions work on blocks of `block` channels: convolutions, their gradients
 * and what lies between them in onnxruntime's own operators on such blocks. onnxruntime does so itself only where weights are
 * constants, which in training they are not. What has no such form stays as it is, with the tensors reordered around it.
 * Sizes must be stated: inputs of fixed size, value_info for the forward pass.
 */
export function blockedLayout(model: Model, block: number, mostInPhases: number = MOST_IN_PHASES): Model {
  if (!model.graph.nodes.some((node) => CONVOLUTIONS.has(node.opType))) return model;
  const t = tensorsOf(model, block, mostInPhases);
  for (const node of model.graph.nodes) {
    if (t.skipped(node)) continue;
    const ways = REWRITES.get(node.domain === '' ? node.opType : `${node.domain}:${node.opType}`) ?? [];
    if (!ways.some((rewrite) => rewrite(t, node))) t.keep(node);
  }
  for (const v of model.graph.outputs) t.plain(v.name);
  const made = t.b.model();
  const alive = cutMany(
    made,
    model.graph.outputs.map((v) => v.name),
  ).graph;
  return {
    ...made,
    opsets: new Map([...made.opsets, [BLOCKED_DOMAIN, 1]]),
    graph: { ...alive, inputs: made.graph.inputs, outputs: model.graph.outputs, valueInfo: new Map() },
  };
}
