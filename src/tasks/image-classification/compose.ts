import type { Model as ModelRecord, Preprocessing } from '../../domain/types.js';
import {
  changedOperators,
  cut,
  DATA_TYPES,
  decodeModel,
  decodeTensors,
  encodeModel,
  featureTrunk,
  graft,
  graphBuilder,
  inFloat32,
  inferenceForm,
  type Model,
  OnnxError,
  type Tensor,
  withInitializers,
} from '../../onnx/index.js';
import { withPixelInput } from './pixel-input.js';

/**
 * The part of a base below the head: image in, `[N, features]` float32 out, its only output. Where the cut is a map or a
 * sequence of tokens, these are averaged. A file exported while it trained is turned to inference. Half precision becomes
 * single: processors compute in it anyway, converting around every operator, and a file in float32 with a float32 input runs
 * everywhere. Pure: the same base and cut give the same graph in trainer, prediction and export.
 * `changed` are tensors of the base that a training gave other values (float32).
 * Throws `unknown-tensor`, or `invalid-argument` where the part has another input than the image.
 */
export function imageTrunk(base: Model, at: string, changed: Changed = null): Model {
  // Cut first: what is left out need not be widened.
  const widened = inFloat32(inferenceForm(cut(base, at)));
  const below = changed === null ? widened : withInitializers(widened, changed);
  const trunk = featureTrunk(below, { tensor: at });
  const { inputs } = trunk.graph;
  if (inputs.length !== 1)
    throw new OnnxError(
      'invalid-argument',
      `Features of an image are computed from one input; cut at '${at}', the model needs ${inputs.map((v) => `'${v.name}'`).join(', ')}. Choose another cut.`,
    );
  const output = trunk.graph.outputs[0]!;
  if (output.dataType !== 'float64') return trunk;
  const b = graphBuilder({ from: trunk, keepOutputs: [] });
  b.output(b.op('Cast', [output.name], { to: DATA_TYPES.indexOf('float32') }), 'float32', output.shape);
  return b.model();
}

/** `imageTrunk` fed with decoded pixels: uint8 [N, crop, crop, C] in, float32 [N, features] out. */
export function pixelTrunk(base: Model, at: string, preprocessing: Preprocessing, changed: Changed = null): Model {
  const trunk = imageTrunk(base, at, changed);
  return withPixelInput(trunk, trunk.graph.inputs[0]!.name, preprocessing);
}

/** Tensors of a base as training left them, by name; null where it changed none. */
export type Changed = ReadonlyMap<string, Tensor> | null;

export interface ExportOptions {
  readonly cut: string;
  readonly labels: readonly string[];
  readonly preprocessing: Preprocessing;
  /** What the file says of itself: name, id, licence of the base, ... Written into `metadata_props` as they are. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * The whole model as one plain ONNX file, in chunks: the base's own float input, outputs `probabilities` [N, classes]
 * first, then `logits`. How to prepare images and what the classes are called travel in `metadata_props`, as JSON under
 * `preprocessing` and `labels`; everything the base's file said of itself stays, but for its old preprocessing note.
 * Pure and deterministic: the same base, head and options give the same bytes. `head` is a graph `features -> logits, probabilities`.
 */
export function composeExport(
  base: Uint8Array,
  head: Uint8Array,
  o: ExportOptions,
  changed: Uint8Array | null = null,
): Uint8Array[] {
  const tensors = changed === null ? null : decodeTensors(changed);
  return encodeModel(composeModel(decodeModel(base), decodeModel(head), o, tensors));
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

/** In an order of its own: the database keeps the fields of an object in another order than they were written in. */
function preprocessingJson({ resize, crop, layout, channels, scale, mean, std }: Preprocessing): string {
  return JSON.stringify({ resize, crop, layout, channels, scale, mean, std });
}

export function composeModel(base: Model, head: Model, o: ExportOptions, changed: Changed = null): Model {
  const trunk = imageTrunk(base, o.cut, changed);
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
  metadata.set('task', 'image-classification');
  metadata.set('preprocessing', preprocessingJson(o.preprocessing));
  metadata.set('labels', JSON.stringify(o.labels));
  for (const [key, value] of Object.entries(o.metadata ?? {})) metadata.set(key, value);
  return {
    ...whole,
    metadata,
    producer: { name: 'graft', version: '' },
    graph: { ...whole.graph, name: 'graft', outputs: [output('probabilities'), output('logits')] },
  };
}

/** `exportOptions` of a stored model: what `model.onnx` is made of besides base and head, so that its digest never changes. */
export function exportOptions(
  model: Pick<ModelRecord, 'id' | 'name' | 'cut' | 'labels' | 'preprocessing' | 'base'>,
): ExportOptions {
  const { id, name, cut: at, labels, preprocessing, base } = model;
  return {
    cut: at,
    labels,
    preprocessing,
    metadata: { 'graft.model': id, ...(name === null ? {} : { name }), 'graft.base': base.digest, 'graft.cut': at },
  };
}
