import { OnnxError } from '../error.js';
import { byteLength } from '../tensor.js';
import type { Tensor } from '../types.js';
import { type Budget, budget, count, type Field, fields, view } from './reader.js';
import { readTensor } from './tensor.js';
import { packed } from './writer.js';

/**
 * Tensors whose data lie in files beside the model (https://onnx.ai/onnx/repo-docs/ExternalData.html), put into it. The
 * file is rewritten message by message: what holds no such tensor keeps its bytes, and no data are read.
 */

/** Protobuf counts bytes in 31 bits: no ONNX file is longer. */
export const MAX_MODEL_BYTES = 2 ** 31 - 1;

/** A stretch of a file beside the model. */
export interface FileRange {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}
/** A model as one file: its parts one after the other. */
export interface WholeModel {
  readonly length: number;
  readonly parts: readonly (Uint8Array | FileRange)[];
}

/**
 * Names of the files beside the model that hold data of its tensors, each once, in the order of the file.
 * @throws OnnxError `external-data` where one is no plain name; `truncated`, `malformed`, `unsupported-type`.
 */
export function externalFiles(bytes: Uint8Array): readonly string[] {
  const found = new Set<string>();
  rewritten(bytes, 'model', { depth: 0, budget: budget() }, (tensor) => {
    found.add(fileOf(tensor));
    return null;
  });
  return [...found];
}

/**
 * The model with every tensor's data in it.
 * @param sizes bytes of each file that `externalFiles` names.
 * @throws OnnxError `external-data` where a tensor and its file do not fit, or all is more than `MAX_MODEL_BYTES`.
 */
export function wholeModel(bytes: Uint8Array, sizes: ReadonlyMap<string, number>): WholeModel {
  const place = { depth: 0, budget: budget() };
  const whole = rewritten(bytes, 'model', place, (tensor) => rangeOf(tensor, sizes)) ?? {
    length: bytes.length,
    parts: [bytes],
  };
  if (whole.length > MAX_MODEL_BYTES)
    throw new OnnxError(
      'external-data',
      `With the data of its files the model has ${whole.length} bytes; as one ONNX file, which is protobuf, it can have ${MAX_MODEL_BYTES} (2 GiB). Take a smaller model, or export it in half precision.`,
    );
  return whole;
}

type Kind = 'model' | 'graph' | 'node' | 'attribute' | 'function' | 'sparse' | 'tensor';
/** The fields that lead to tensors (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). */
const WITHIN: Readonly<Record<Exclude<Kind, 'tensor'>, Readonly<Record<number, Kind>>>> = {
  model: { 7: 'graph', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  function: { 7: 'node', 11: 'attribute' },
  sparse: { 1: 'tensor', 2: 'tensor' },
};
/** A graph within a graph is three messages deeper; `decodeModel` takes 24 of them. */
const MAX_DEPTH = 80;
interface Place {
  readonly depth: number;
  readonly budget: Budget;
}
/** Where the data of a tensor lie; null leaves the tensor as it is. */
type Locate = (tensor: Tensor) => FileRange | null;

/** The message with the data of external tensors in it; null where none was located. */
function rewritten(bytes: Uint8Array, kind: Kind, at: Place, locate: Locate): WholeModel | null {
  if (kind === 'tensor') return withData(bytes, at, locate);
  if (at.depth > MAX_DEPTH) throw new OnnxError('malformed', 'Graphs are nested too deep.');
  const parts: (Uint8Array | FileRange)[] = [];
  let keptFrom = 0;
  for (const f of fields(bytes, at.budget)) {
    const inner = f.wire === 2 ? WITHIN[kind][f.number] : undefined;
    if (inner === undefined) continue;
    const body = rewritten(view(bytes, f), inner, { ...at, depth: at.depth + 1 }, locate);
    if (body === null) continue;
    parts.push(bytes.subarray(keptFrom, f.tagAt), header(f.number, body.length));
    for (const part of body.parts) parts.push(part);
    keptFrom = f.end;
  }
  if (keptFrom === 0) return null;
  parts.push(bytes.subarray(keptFrom));
  return joined(parts);
}

/** Data in any form, `external_data` and `data_location`: what `raw_data` takes the place of. */
const DATA_FIELDS: ReadonlySet<number> = new Set([4, 5, 6, 7, 9, 10, 11, 13, 14]);
const RAW_DATA = 9;

function withData(bytes: Uint8Array, { budget: from }: Place, locate: Locate): WholeModel | null {
  const all = [...fields(bytes, from)];
  if (!all.some((f) => isExternal(bytes, f))) return null;
  const tensor = readTensor(bytes, from);
  const range = tensor.external && locate(tensor);
  if (!range) return null;
  const kept = all.filter((f) => !DATA_FIELDS.has(f.number)).map((f) => bytes.subarray(f.tagAt, f.end));
  return joined([...kept, header(RAW_DATA, range.length), range]);
}

const isExternal = (bytes: Uint8Array, f: Field): boolean =>
  f.number === 14 && count(bytes, f, 'data_location of a tensor') === 1;
/** What stands before a field of so many bytes: number and wire type, and the length. */
const header = (field: number, length: number): Uint8Array => packed([field * 8 + 2, length]);

function joined(parts: readonly (Uint8Array | FileRange)[]): WholeModel {
  const some = parts.filter(({ length }) => length > 0);
  return { length: some.reduce((sum, { length }) => sum + length, 0), parts: some };
}

/** Values of Constant nodes have no name. */
const called = (name: string): string => (name === '' ? 'a constant' : `the tensor '${name}'`);

/** The file that a tensor names: one in the model's own folder. */
function fileOf({ name, external }: Tensor): string {
  const location = external?.get('location');
  if (location === undefined || location === '')
    throw new OnnxError('external-data', `The data of ${called(name)} lie in another file, which is not named.`);
  if (/[/\\\0]|^\.{1,2}$|^[A-Za-z]:/.test(location))
    throw new OnnxError(
      'external-data',
      `The data of ${called(name)} are said to lie in '${location}'; only a file in the folder of the model is read, named without a path. Save it again: onnx.save(model, 'model.onnx', save_as_external_data=True, location='model.onnx_data').`,
    );
  return location;
}

function rangeOf(tensor: Tensor, sizes: ReadonlyMap<string, number>): FileRange {
  const { name, dataType, dims } = tensor;
  const file = fileOf(tensor);
  const refuse = (why: string) =>
    new OnnxError('external-data', `Of the model, ${called(name)} (${dataType}, [${dims}]) ${why}`);
  const size = sizes.get(file);
  if (size === undefined) throw refuse(`has its data in '${file}', which is not there.`);
  if (dataType === 'string' || dataType === 'undefined') throw refuse('cannot have its data in another file.');
  const offset = position(tensor, 'offset') ?? 0;
  if (offset > size) throw refuse(`begins at byte ${offset} of '${file}', which has only ${size}. ${MEND}`);
  const length = position(tensor, 'length') ?? size - offset;
  const needs = byteLength(dataType, dims);
  if (length !== needs)
    throw refuse(`needs ${needs} bytes of data, but ${length} are said to lie in '${file}'. ${MEND}`);
  if (offset + length > size)
    throw refuse(`ends at byte ${offset + length} of '${file}', which has only ${size}: it was cut off. ${MEND}`);
  return { file, offset, length };
}

const MEND = 'Take the file that was saved together with this model, whole.';

/** A count of bytes, written as text; null where nothing is said. */
function position({ name, external }: Tensor, key: 'offset' | 'length'): number | null {
  const text = external?.get(key);
  if (text === undefined) return null;
  if (!/^\d{1,15}$/.test(text))
    throw new OnnxError(
      'external-data',
      `Of the model, ${called(name)} has the ${key} '${text}'; it must be a count of bytes.`,
    );
  return Number(text);
}
