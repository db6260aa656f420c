import type { GraphBuilder } from './builder.js';
import { constant, oneHot, reduceMean, reduceSum } from './emit.js';
import { OnnxError } from './error.js';

export interface CrossEntropy {
  readonly classes: number;
  /** Share of the target that is spread evenly over all classes (Szegedy et al. 2015, arXiv 1512.00567); default 0. */
  readonly labelSmoothing?: number;
  /** Tensor [N] of weights; the loss is then the weighted mean. */
  readonly sampleWeight?: string;
  /** Name of the resulting scalar; default 'loss'. */
  readonly name?: string;
}

/**
 * Softmax cross-entropy of `logits` [N, classes] (float32) and `labels` [N] (int64), the mean over the batch; returns the
 * scalar's name. A label outside of 0..classes-1 counts as no class. Needs opset 9.
 */
export function softmaxCrossEntropy(b: GraphBuilder, logits: string, labels: string, o: CrossEntropy): string {
  const smoothing = o.labelSmoothing ?? 0;
  if (!(smoothing >= 0 && smoothing < 1))
    throw new OnnxError('invalid-argument', `labelSmoothing is ${smoothing}; it must be from 0 to below 1.`);
  const logProbability = b.op('LogSoftmax', [logits], { axis: 1 });
  let target = oneHot(b, labels, o.classes, 'float32');
  if (smoothing > 0)
    target = b.op('Add', [
      b.op('Mul', [target, constant(b, 'float32', 1 - smoothing)]),
      constant(b, 'float32', smoothing / o.classes),
    ]);
  const each = b.op('Neg', [reduceSum(b, b.op('Mul', [target, logProbability]), [1], false)]);
  const named = { outputs: [o.name ?? 'loss'] };
  if (o.sampleWeight === undefined) return reduceMean(b, each, [0], false, named);
  const weighted = reduceSum(b, b.op('Mul', [each, o.sampleWeight]), [0], false);
  return b.op('Div', [weighted, reduceSum(b, o.sampleWeight, [0], false)], {}, named);
}

/**
 * Cross-entropy of `logits` [N, classes] with soft targets [N, classes], summed: -sum(targets * log softmax(logits)).
 * Whoever gives the targets scales its rows: by 1 / N for a mean, by a weight of the class, to 0 where a batch is not full.
 */
export function softTargetCrossEntropy(b: GraphBuilder, logits: string, targets: string, name = 'loss'): string {
  const each = b.op('Mul', [targets, b.op('LogSoftmax', [logits], { axis: 1 })]);
  return b.op('Neg', [reduceSum(b, each, [0, 1], false)], {}, { outputs: [name] });
}
