import type { Model as ModelRecord } from '../domain/types.js';
import {
  changedOperators,
  cut,
  DATA_TYPES,
  decodeModel,
  decodeTensors,
  encodeModel,
  graft,
  graphBuilder,
  inFloat32,
  inferenceForm,
  type Model,
  OnnxError,
  type Tensor,
  withInitializers,
} from '../onnx/index.js';

/** Tensors of a base as training left them, by name; null where it changed none. */
export type Changed = ReadonlyMap<string, Tensor> | null;

/**
 * A base up to `at`, as it is used and trained: for inference, in single precision, with the tensors that training changed.
 * Cut first: what is left out need not be widened.
 */
export function cutBase(base: Model, at: string, changed: Changed): Model {
  const widened = inFloat32(inferenceForm(cut(base, at)));
  return changed === null ? widened : withInitializers(widened, changed);
}

/** The trunk with its only output in float32. */
export function floatOutput(trunk: Model): Model {
  const output = trunk.graph.outputs[0]!;
  if (output.dataType !== 'float64') return trunk;
  const b = graphBuilder({ from: trunk, keepOutputs: [] });
  b.output(b.op('Cast', [output.name], { to: DATA_TYPES.indexOf('float32') }), 'float32', output.shape);
  return b.model();
}

/**
 * The head in a version of the operators that the trunk can be in too. A linear head means the same in every one that is taken
 * (Gemm, and Softmax of rows), so it goes with a trunk whose own operators have changed since.
 */
function headFor(trunk: Model, head: Model): Model {
  const [own, other] = [trunk.opsets.get('') ?? 0, head.opsets.get('') ?? 0];
  const linear = head.graph.nodes.every((node) => node.opType === 'Gemm' || node.opType === 'Softmax');
  if (!linear || own >= other || changedOperators(trunk.graph.nodes, own, other).length === 0) return head;
  return { ...head, opsets: new Map([...head.opsets, ['', own]]) };
}

/**
 * Trunk and head as one model: outputs `probabilities` [N, classes], then `logits`. `says` is written into `metadata_props`;
 * what the base's file said of itself stays, but for its old notes on how inputs are prepared.
 */
export function withHead(trunk: Model, head: Model, says: Readonly<Record<string, string>>): Model {
  const whole = graft(trunk, headFor(trunk, head), {
    from: trunk.graph.outputs[0]!.name,
    to: head.graph.inputs[0]!.name,
  });
  const output = (name: string) => {
    const found = whole.graph.outputs.find((v) => v.name === name);
    if (!found) throw new OnnxError('unknown-tensor', `The head has no output '${name}'.`);
    return found;
  };
  const metadata = new Map([...whole.metadata].filter(([key]) => !/preprocess/i.test(key)));
  // A base that was made from a model bears that one's name.
  if (metadata.has('graft.model')) metadata.delete('name');
  for (const [key, value] of Object.entries(says)) metadata.set(key, value);
  return {
    ...whole,
    metadata,
    producer: { name: 'graft', version: '' },
    graph: { ...whole.graph, name: 'graft', outputs: [output('probabilities'), output('logits')] },
  };
}

/** Composes whole files: of base, head and changed tensors as they are stored. */
export function fileComposer<Options>(
  compose: (base: Model, head: Model, o: Options, changed: Changed) => Model,
): (base: Uint8Array, head: Uint8Array, o: Options, changed?: Uint8Array | null) => Uint8Array[] {
  return (base, head, o, changed = null) => {
    const tensors = changed === null ? null : decodeTensors(changed);
    return encodeModel(compose(decodeModel(base), decodeModel(head), o, tensors));
  };
}

/** What the file of a stored model says of itself. */
export function originOf({
  id,
  name,
  cut: at,
  base,
}: Pick<ModelRecord, 'id' | 'name' | 'cut' | 'base'>): Readonly<Record<string, string>> {
  return { 'graft.model': id, ...(name === null ? {} : { name }), 'graft.base': base.digest, 'graft.cut': at };
}
