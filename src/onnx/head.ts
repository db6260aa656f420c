import { attribute, float } from './attributes.js';
import { graphBuilder } from './builder.js';
import { OnnxError } from './error.js';
import { tensor } from './tensor.js';
import type { Model } from './types.js';

export interface LinearHead {
  readonly features: number;
  readonly classes: number;
  /** ai.onnx version: that of the trunk it will be grafted on. */
  readonly opset: number;
  /** Default 'features'. */
  readonly inputName?: string;
  /** Names of weight and bias; default 'head.weight' and 'head.bias'. */
  readonly parameterNames?: readonly [weight: string, bias: string];
  /** Row-major [classes, features] and [classes]; zeros when left out (the linear problem is convex). */
  readonly weight?: Float32Array;
  readonly bias?: Float32Array;
  /**
   * Dropout of the features, while training only. The mask is an input, `dropout_mask` [N, features] holding 0 or
   * 1 / (1 - rate), so that it comes from the trainer's own seed; left out, the graph for inference is made.
   */
  readonly dropoutMask?: boolean;
  /** Adds the output `probabilities` (softmax of the logits). */
  readonly probabilities?: boolean;
}

/** A linear classifier as a graph: `features` [N, features] -> `logits` [N, classes]. */
export function linearHead(o: LinearHead): Model {
  if (!(Number.isInteger(o.features) && o.features > 0 && Number.isInteger(o.classes) && o.classes > 0))
    throw new OnnxError(
      'invalid-argument',
      `A head needs whole numbers of features and classes; these are ${o.features} and ${o.classes}.`,
    );
  const b = graphBuilder({ opset: o.opset, name: 'head' });
  const features = b.input(o.inputName ?? 'features', 'float32', ['N', o.features]);
  const [weightName, biasName] = o.parameterNames ?? ['head.weight', 'head.bias'];
  const weight = b.initializer(weightName, tensor('', 'float32', [o.classes, o.features], o.weight ?? 0));
  const bias = b.initializer(biasName, tensor('', 'float32', [o.classes], o.bias ?? 0));
  let x = features;
  if (o.dropoutMask) x = b.op('Mul', [x, b.input('dropout_mask', 'float32', ['N', o.features])]);
  const logits = b.op(
    'Gemm',
    [x, weight, bias],
    { transB: 1, alpha: float(1), beta: float(1) },
    { outputs: ['logits'] },
  );
  b.output(logits, 'float32', ['N', o.classes]);
  if (o.probabilities) {
    b.op('Softmax', [logits], { axis: attribute(1) }, { outputs: ['probabilities'] });
    b.output('probabilities', 'float32', ['N', o.classes]);
  }
  return b.model();
}
