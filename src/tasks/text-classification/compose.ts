import type { Pooling, TextInput } from '../../domain/types.js';
import {
  cast,
  type DataType,
  graphBuilder,
  layoutOf,
  type Model,
  OnnxError,
  statedType,
  type ValueInfo,
  withDynamicBatch,
} from '../../onnx/index.js';
import { type Changed, cutBase, fileComposer, floatOutput, withHead } from '../compose.js';
import { pooledTokens, tokenMask } from './pooling.js';

/**
 * The part of a text base below the head: the base's own inputs (ids, mask, types; int64 or int32 [N, L]) in, float32
 * `[N, features]` out, its only output. Where the cut is a sequence of tokens, their vectors are pooled as `text.pooling`
 * says, padding left out; a cut with one row per text is taken as it is. What lies above the cut, a classification head for
 * one, is gone. Every dimension is dynamic, but for a length that the file is fixed to.
 * Pure: the same base, cut and settings give the same graph in trainer, prediction and export.
 * `changed` are tensors of the base that a training gave other values (float32).
 * Throws `unknown-tensor`, or `invalid-argument` where the part does not read token ids.
 */
export function textTrunk(base: Model, at: string, text: TextInput, changed: Changed = null): Model {
  return pooledTrunk(base, at, text, [text.pooling], changed);
}

/** Whether what is cut there are vectors of tokens, which are pooled. */
export const poolsTokens = (base: Model, at: string): boolean => layoutOf(base.graph, at) === 'tokens';

/** `textTrunk` pooled in several ways at once, side by side: float32 `[N, poolings times features]`. */
export function pooledTrunk(
  base: Model,
  at: string,
  text: TextInput,
  poolings: readonly Pooling[],
  changed: Changed = null,
): Model {
  const found = cutBase(base, at, changed);
  const tokens = layoutOf(found.graph, at) === 'tokens';
  const double = statedType(found.graph, at)?.dataType === 'float64';
  const below = dynamic(tokens && text.inputs.mask !== null ? withInput(found, base, text.inputs.mask) : found);
  const { ids, mask } = text.inputs;
  const idsType = below.graph.inputs.find((v) => v.name === ids)?.dataType as DataType | undefined;
  if (idsType === undefined)
    throw new OnnxError(
      'invalid-argument',
      `Cut at '${at}', the model does not read its token ids ('${ids}'). Choose another cut.`,
    );
  const b = graphBuilder({ from: below, keepOutputs: [] });
  if (!tokens) {
    b.output(b.op('Flatten', [at], { axis: 1 }), double ? 'float64' : 'float32', ['N', '']);
    return floatOutput(b.model());
  }
  const hidden = double ? cast(b, at, 'float32') : at;
  const counted = tokenMask(b, { mask, ids, idsType, padId: text.padId });
  const rows = poolings.map((pooling) => pooledTokens(b, hidden, counted, pooling));
  b.output(rows.length === 1 ? rows[0]! : b.op('Concat', rows, { axis: 1 }), 'float32', ['N', '']);
  return b.model();
}

/** A cut below all attention does not read the mask, which pooling does. */
function withInput(cut: Model, base: Model, name: string): Model {
  const { graph } = cut;
  const input = base.graph.inputs.find((v) => v.name === name);
  if (input === undefined || graph.inputs.some((v) => v.name === name)) return cut;
  return { ...cut, graph: { ...graph, inputs: [...graph.inputs, input] } };
}

/** Inputs of any number of texts, and of any length where the file is not fixed to one. */
function dynamic(model: Model): Model {
  const fixed = model.graph.inputs.some((v) => typeof v.shape?.[0] === 'number');
  const free = fixed ? withDynamicBatch(model) : model;
  const sized = (v: ValueInfo): ValueInfo => {
    const length = v.shape?.[1];
    return { ...v, shape: ['N', typeof length === 'number' ? length : 'L'] };
  };
  const { graph } = free;
  return { ...free, graph: { ...graph, inputs: graph.inputs.map(sized), valueInfo: new Map() } };
}

export interface TextExportOptions {
  readonly cut: string;
  readonly labels: readonly string[];
  readonly text: TextInput;
  /** What the file says of itself: name, id, licence of the base, ... Written into `metadata_props` as they are. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** In an order of its own: the database keeps the fields of an object in another order than they were written in. */
export function textJson({ inputs, maxLength, padId, vocabulary, pooling, windows }: TextInput): string {
  const { ids, mask, types } = inputs;
  const long = windows && { windows: { overlap: windows.overlap, most: windows.most } };
  return JSON.stringify({ inputs: { ids, mask, types }, maxLength, padId, vocabulary, pooling, ...long });
}

/** The same for texts that fit, and for each window alone. */
export function withoutWindows({ windows: _, ...text }: TextInput): TextInput {
  return text;
}

/**
 * The whole model: the base's own inputs, outputs `probabilities` [N, classes] first, then `logits`. How to prepare texts and
 * what the classes are called travel in `metadata_props`, as JSON under `text` and `labels`.
 * Pure and deterministic. `head` is a graph `features -> logits, probabilities`.
 */
export function composeModel(base: Model, head: Model, o: TextExportOptions, changed: Changed = null): Model {
  return withHead(textTrunk(base, o.cut, o.text, changed), head, {
    task: 'text-classification',
    text: textJson(o.text),
    labels: JSON.stringify(o.labels),
    ...o.metadata,
  });
}

/** `composeModel` as one plain ONNX file, in chunks: the same base, head and options give the same bytes. */
export const composeExport = fileComposer(composeModel);
