import { OnnxError } from '../error.js';
import { byteLength, elements } from '../tensor.js';
import { DATA_TYPES, type DataType, type Tensor } from '../types.js';
import {
  type Budget,
  budget,
  concat,
  count,
  type Field,
  fields,
  fixed,
  ints,
  message,
  text,
  varint,
  view,
} from './reader.js';
import type { Writer } from './writer.js';

/** https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, message TensorProto. */
export const decodeTensor = (bytes: Uint8Array): Tensor => readTensor(bytes, budget());

export function readTensor(bytes: Uint8Array, from: Budget): Tensor {
  const dims: bigint[] = [];
  let name = '';
  let code = 0;
  let raw: Uint8Array | undefined;
  let external: Map<string, string> | undefined;
  let isExternal = false;
  const typed: {
    float: Uint8Array[];
    int32: Uint8Array[];
    int64: Uint8Array[];
    double: Uint8Array[];
    uint64: Uint8Array[];
  } = {
    float: [],
    int32: [],
    int64: [],
    double: [],
    uint64: [],
  };
  const strings: Uint8Array[] = [];
  const extra: Uint8Array[] = [];
  for (const f of fields(bytes, from)) {
    switch (f.number) {
      case 1:
        ints(bytes, f, dims, 'dims of a tensor', from);
        break;
      case 2:
        code = count(bytes, f, 'data_type of a tensor');
        break;
      case 4:
        typed.float.push(fixed(bytes, f, 4, 'float_data'));
        break;
      case 5:
        typed.int32.push(varintBytes(bytes, f));
        break;
      case 6:
        strings.push(message(bytes, f, 'string_data'));
        break;
      case 7:
        typed.int64.push(varintBytes(bytes, f));
        break;
      case 8:
        name = text(bytes, f, 'name of a tensor');
        break;
      case 9:
        raw = message(bytes, f, 'raw_data');
        break;
      case 10:
        typed.double.push(fixed(bytes, f, 8, 'double_data'));
        break;
      case 11:
        typed.uint64.push(varintBytes(bytes, f));
        break;
      case 13: {
        const [key, value] = decodeEntry(message(bytes, f, 'external_data'), from);
        external = (external ?? new Map()).set(key, value);
        break;
      }
      case 14:
        isExternal = count(bytes, f, 'data_location') === 1;
        break;
      default:
        extra.push(bytes.subarray(f.tagAt, f.end));
    }
  }
  const dataType = DATA_TYPES[code];
  if (dataType === undefined)
    throw new OnnxError('unsupported-type', `Tensor '${name}' has data type number ${code}, which is not known.`);
  const size = dims.map((d) => {
    const n = Number(d);
    if (n < 0 || !Number.isSafeInteger(n))
      throw new OnnxError('malformed', `Tensor '${name}' has the dimension ${d}; it must be a count.`);
    return n;
  });
  const rest = extra.length > 0 ? { extra } : {};
  if (isExternal)
    return { name, dataType, dims: size, data: new Uint8Array(0), external: external ?? new Map(), ...rest };
  if (dataType === 'string') {
    if (strings.length !== elements(size))
      throw new OnnxError('truncated', `Tensor '${name}' of [${size}] has ${strings.length} strings.`);
    return { name, dataType, dims: size, data: new Uint8Array(0), strings, ...rest };
  }
  const data = raw ?? fromTyped(dataType, typed);
  const wanted = byteLength(dataType, size);
  if (data.length !== wanted)
    throw new OnnxError(
      data.length < wanted ? 'truncated' : 'malformed',
      `Tensor '${name}' (${dataType}, [${size}]) needs ${wanted} bytes of data, but has ${data.length}.`,
    );
  return { name, dataType, dims: size, data, ...rest };
}

/** The varints of a repeated integer field, checked to end inside the field. */
function varintBytes(bytes: Uint8Array, f: Field): Uint8Array {
  if (f.wire !== 0 && f.wire !== 2)
    throw new OnnxError('malformed', `Integer data (field ${f.number}) has wire type ${f.wire}.`);
  const all = view(bytes, f);
  if (all.length > 0 && (all[all.length - 1] as number) >= 0x80)
    throw new OnnxError('truncated', 'Integer data of a tensor end inside a number.');
  return all;
}

function fromTyped(
  dataType: DataType,
  typed: { float: Uint8Array[]; int32: Uint8Array[]; int64: Uint8Array[]; double: Uint8Array[]; uint64: Uint8Array[] },
): Uint8Array {
  if (dataType === 'float32' || dataType === 'complex64') return concat(typed.float);
  if (dataType === 'float64' || dataType === 'complex128') return concat(typed.double);
  if (dataType === 'int64') return unpack(concat(typed.int64), 8);
  if (dataType === 'uint64' || dataType === 'uint32')
    return unpack(concat(typed.uint64), dataType === 'uint64' ? 8 : 4);
  // All narrower types are stored in int32_data, one element (a pair, below a byte) per number.
  const width = byteLength(dataType, [8]) / 8;
  return unpack(concat(typed.int32), Math.max(width, 1));
}

function unpack(bytes: Uint8Array, width: number): Uint8Array {
  let n = 0;
  for (const byte of bytes) if (byte < 0x80) n++;
  const out = new Uint8Array(n * width);
  const d = new DataView(out.buffer);
  let at = 0;
  for (let i = 0; i < n; i++) {
    const value = varint(bytes, at);
    if (width === 8) d.setBigInt64(i * 8, value, true);
    else if (width === 4) d.setInt32(i * 4, Number(BigInt.asIntN(32, value)), true);
    else if (width === 2) d.setUint16(i * 2, Number(BigInt.asUintN(16, value)), true);
    else out[i] = Number(BigInt.asUintN(8, value));
    while ((bytes[at++] as number) >= 0x80);
  }
  return out;
}

/** StringStringEntryProto. */
export function decodeEntry(bytes: Uint8Array, from: Budget): [string, string] {
  let key = '';
  let value = '';
  for (const f of fields(bytes, from)) {
    if (f.number === 1) key = text(bytes, f, 'key of an entry');
    else if (f.number === 2) value = text(bytes, f, 'value of an entry');
  }
  return [key, value];
}

export function encodeTensor(w: Writer, t: Tensor): void {
  w.packedInts(1, t.dims);
  w.varint(2, DATA_TYPES.indexOf(t.dataType));
  for (const s of t.strings ?? []) w.bytes(6, s);
  if (t.name !== '') w.text(8, t.name);
  if (t.external) {
    for (const [key, value] of t.external) encodeEntry(w, 13, key, value);
    w.varint(14, 1);
  } else if (!t.strings) w.bytes(9, t.data);
  w.raw(t.extra);
}

export function encodeEntry(w: Writer, field: number, key: string, value: string): void {
  w.message(field, (entry) => {
    entry.text(1, key);
    entry.text(2, value);
  });
}
