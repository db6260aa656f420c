import { OnnxError } from '../error.js';
import type { Tensor } from '../types.js';
import { checksumOf, type FileRange, fileOf, rangeOf } from './external-range.js';
import { type Budget, budget, count, type Field, fields, view } from './reader.js';
import { readTensor } from './tensor.js';
import { packed } from './writer.js';

/**
 * Tensors whose data lie in files beside the model (https://onnx.ai/onnx/repo-docs/ExternalData.html), put into it. The
 * file is rewritten message by message: what holds no such tensor keeps its bytes, and no data are read.
 */

/** Protobuf counts bytes in 31 bits: no ONNX file is longer. */
export const MAX_MODEL_BYTES = 2 ** 31 - 1;

/** Parts of a file, one after the other. */
interface Parts {
  readonly length: number;
  readonly parts: readonly (Uint8Array | FileRange)[];
}
/** A model as one file. */
export interface WholeModel extends Parts {
  /** What the model says that files beside it have as their SHA-1, in hexadecimal: it holds for the whole of each. */
  readonly checksums: ReadonlyMap<string, string>;
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
  const checksums = new Map<string, string>();
  const locate = (tensor: Tensor): FileRange => {
    const range = rangeOf(tensor, sizes);
    const checksum = checksumOf(tensor);
    if (checksum !== null) agree(checksums, range.file, checksum);
    return range;
  };
  const whole = rewritten(bytes, 'model', place, locate) ?? { length: bytes.length, parts: [bytes] };
  if (whole.length > MAX_MODEL_BYTES)
    throw new OnnxError(
      'external-data',
      `With the data of its files the model has ${whole.length} bytes; as one ONNX file, which is protobuf, it can have ${MAX_MODEL_BYTES} (2 GiB). Take a smaller model, or export it in half precision.`,
    );
  return { ...whole, checksums };
}

/** Tensors that share a file must say the same of it. */
function agree(checksums: Map<string, string>, file: string, checksum: string): void {
  const known = checksums.get(file) ?? checksum;
  checksums.set(file, known);
  if (known === checksum) return;
  const detail = `The model says of '${file}' that its SHA-1 is ${known} and also that it is ${checksum}. Save it again as a whole.`;
  throw new OnnxError('external-data', detail);
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
function rewritten(bytes: Uint8Array, kind: Kind, at: Place, locate: Locate): Parts | null {
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

function withData(bytes: Uint8Array, { budget: from }: Place, locate: Locate): Parts | null {
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

function joined(parts: readonly (Uint8Array | FileRange)[]): Parts {
  const some = parts.filter(({ length }) => length > 0);
  return { length: some.reduce((sum, { length }) => sum + length, 0), parts: some };
}
