import {
  cast,
  constant,
  type GraphBuilder,
  graphBuilder,
  type Model,
  tensor,
  unsqueeze,
} from '../../src/onnx/index.js';
import { random } from './onnx.js';

/** BERT: a pooler with a Tanh; RoBERTa: dropout, then a dense layer with a Tanh; DistilBERT: a first layer with a Relu. */
export type HeadForm = 'bert' | 'roberta' | 'distilbert';

export interface SmallBert {
  readonly opset?: number;
  readonly idsType?: 'int64' | 'int32';
  /** Without one, the graph attends to padding as to anything else. */
  readonly mask?: boolean;
  readonly types?: boolean;
  /** Sizes that the file is fixed to, as some exporters write them. */
  readonly batch?: number;
  readonly length?: number;
  /** Ends in a classification head of this many classes over the first token. */
  readonly classes?: number;
  /** What is between the first token and the classifier, as the hub's architectures have it; nothing by default. */
  readonly head?: HeadForm;
  /** Ends in residual sums with a layer normalisation each: as one operator (opset 17 on), or spelled out. */
  readonly norms?: 'operator' | 'spelled';
  readonly vocabulary?: number;
  readonly width?: number;
  readonly seed?: number;
}

/** An encoder like BERT, of one layer with random weights: `input_ids`, `attention_mask`, `token_type_ids` -> `last_hidden_state`. */
export function smallBert(o: SmallBert = {}): Model {
  const { opset = 13, idsType = 'int64', vocabulary = 40, width = 8 } = o;
  const next = random(o.seed ?? 1);
  const b = graphBuilder({ opset, name: 'bert' });
  const size = [o.batch ?? 'batch', o.length ?? 'sequence'];
  const weights = (name: string, dims: readonly number[]) =>
    b.initializer(name, { name, dataType: 'float32', dims, data: floats(dims, next) });
  const ids = b.input('input_ids', idsType, size);
  const mask = o.mask === false ? null : b.input('attention_mask', idsType, size);
  let x = b.op('Gather', [weights('embeddings.word', [vocabulary, width]), ids]);
  if (o.types) {
    const types = b.input('token_type_ids', idsType, size);
    x = b.op('Add', [x, b.op('Gather', [weights('embeddings.type', [2, width]), types])]);
  }
  const project = (name: string) => b.op('MatMul', [x, weights(name, [width, width])]);
  const key = b.op('Transpose', [project('key')], { perm: [0, 2, 1] });
  let scores = b.op('MatMul', [project('query'), key]);
  if (mask !== null) {
    const seen = b.op('Sub', [cast(b, mask, 'float32'), constant(b, 'float32', 1)]);
    scores = b.op('Add', [scores, unsqueeze(b, b.op('Mul', [seen, constant(b, 'float32', 10_000)]), [1])]);
  }
  const attended = b.op('MatMul', [b.op('Softmax', [scores], { axis: 2 }), project('value')]);
  if (o.norms === undefined) {
    const mixed = b.op('Tanh', [b.op('Add', [x, attended])]);
    b.op('MatMul', [mixed, weights('dense', [width, width])], {}, { outputs: ['last_hidden_state'] });
  } else {
    const dense = (from: string, name: string) =>
      b.op('Add', [
        weights(`${name}.bias`, [width]),
        b.op('MatMul', [from, weights(`${name}.weight`, [width, width])]),
      ]);
    const around = (name: string, branch: string, from: string, outputs: readonly string[] | 1 = 1) =>
      normalised(b, o.norms!, b.op('Add', [from, branch]), weights(`${name}.scale`, [width]), outputs);
    const first = around('attention.norm', dense(attended, 'attention'), x);
    const inner = b.op('Relu', [dense(first, 'inner')]);
    around('norm', dense(inner, 'outer'), first, ['last_hidden_state']);
  }
  const shape = [...size, width];
  if (o.classes === undefined) {
    b.output('last_hidden_state', 'float32', shape);
    return b.model();
  }
  const row = belowClassifier(b, o.head, (name) => weights(name, [width, width]));
  const head = [weights('classifier.weight', [o.classes, width]), weights('classifier.bias', [o.classes])];
  b.output(b.op('Gemm', [row, ...head], { transB: 1 }, { outputs: ['logits'] }), 'float32', [size[0]!, o.classes]);
  return b.model();
}

/** Over the last axis, without a bias. */
function normalised(
  b: GraphBuilder,
  form: NonNullable<SmallBert['norms']>,
  x: string,
  scale: string,
  outputs: readonly string[] | number,
): string {
  if (form === 'operator') return b.op('LayerNormalization', [x, scale], { axis: -1 }, { outputs });
  const mean = (of: string) => b.op('ReduceMean', [of], { axes: [-1] });
  const centred = b.op('Sub', [x, mean(x)]);
  const variance = mean(b.op('Mul', [centred, centred]));
  const deviation = b.op('Sqrt', [b.op('Add', [variance, constant(b, 'float32', 1e-5)])]);
  return b.op('Mul', [b.op('Div', [centred, deviation]), scale], {}, { outputs });
}

/** The row that a classifier reads, from the first token's vector. `square` gives a layer's weights. */
function belowClassifier(b: GraphBuilder, form: HeadForm | undefined, square: (name: string) => string): string {
  if (form !== 'roberta') {
    const first = b.op('Gather', ['last_hidden_state', b.constant(tensor('', 'int64', [], [0]))], { axis: 1 });
    if (form === undefined) return first;
    const dense = b.op('Gemm', [first, square(`${form}.dense`)], { transB: 1 });
    return b.op(form === 'bert' ? 'Tanh' : 'Relu', [dense], {}, { outputs: ['pooled'] });
  }
  const dropped = b.op('Dropout', ['last_hidden_state']);
  const slice = b.op('Slice', [dropped, ...[0, 1, 1].map((n) => b.constant(tensor('', 'int64', [1], [n])))]);
  const dense = b.op('MatMul', [b.op('Flatten', [slice], { axis: 1 }), square('classifier.dense')]);
  return b.op('Tanh', [dense], {}, { outputs: ['pooled'] });
}

const floats = (dims: readonly number[], next: () => number): Uint8Array =>
  new Uint8Array(Float32Array.from({ length: dims.reduce((n, d) => n * d, 1) }, () => 2 * next() - 1).buffer);
