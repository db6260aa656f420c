import { DATA_TYPES, type ValueInfo } from '../types.js';
import { type Budget, count, fields, message, text } from './reader.js';
import type { Writer } from './writer.js';

/** ValueInfoProto. Types other than dense tensors are named, and kept as bytes. */
export function decodeValueInfo(bytes: Uint8Array, from: Budget): ValueInfo {
  let name = '';
  let type: Uint8Array | undefined;
  const extra: Uint8Array[] = [];
  for (const f of fields(bytes, from)) {
    if (f.number === 1) name = text(bytes, f, 'name of a value');
    else if (f.number === 2) type = message(bytes, f, 'type of a value');
    else extra.push(bytes.subarray(f.tagAt, f.end));
  }
  const kept = extra.length > 0 ? { extra } : {};
  return { name, ...decodeType(type, from), ...kept };
}

const OTHER = new Map<number, 'sequence' | 'map' | 'sparse' | 'optional'>([
  [4, 'sequence'],
  [5, 'map'],
  [8, 'sparse'],
  [9, 'optional'],
]);

function decodeType(bytes: Uint8Array | undefined, from: Budget): Pick<ValueInfo, 'dataType' | 'shape' | 'rawType'> {
  if (!bytes) return { dataType: 'undefined', shape: null };
  for (const f of fields(bytes, from)) {
    if (f.number === 1) return decodeTensorType(message(bytes, f, 'tensor_type'), from);
    const other = OTHER.get(f.number);
    if (other) return { dataType: other, shape: null, rawType: bytes };
  }
  return { dataType: 'undefined', shape: null, rawType: bytes };
}

function decodeTensorType(bytes: Uint8Array, from: Budget): Pick<ValueInfo, 'dataType' | 'shape'> {
  let dataType: ValueInfo['dataType'] = 'undefined';
  let shape: (number | string)[] | null = null;
  for (const f of fields(bytes, from)) {
    if (f.number === 1) dataType = DATA_TYPES[count(bytes, f, 'elem_type')] ?? 'undefined';
    else if (f.number === 2) {
      const dims = message(bytes, f, 'shape');
      shape = [];
      for (const d of fields(dims, from))
        if (d.number === 1) shape.push(decodeDimension(message(dims, d, 'dim'), from));
    }
  }
  return { dataType, shape };
}

/** A negative size is how some exporters say "dynamic". */
function decodeDimension(bytes: Uint8Array, from: Budget): number | string {
  let dim: number | string = '';
  for (const f of fields(bytes, from)) {
    if (f.number === 1) {
      const value = count(bytes, f, 'dim_value');
      dim = value < 0 ? '' : value;
    } else if (f.number === 2) dim = text(bytes, f, 'dim_param');
  }
  return dim;
}

export function encodeValueInfo(w: Writer, v: ValueInfo): void {
  w.text(1, v.name);
  if (v.rawType) w.bytes(2, v.rawType);
  else if (v.dataType !== 'undefined' || v.shape)
    w.message(2, (type) => {
      type.message(1, (tensor) => {
        tensor.varint(1, (DATA_TYPES as readonly string[]).indexOf(v.dataType));
        if (!v.shape) return;
        const shape = v.shape;
        tensor.message(2, (s) => {
          for (const dim of shape)
            s.message(1, (d) => {
              if (typeof dim === 'number') d.varint(1, dim);
              else if (dim !== '') d.text(2, dim);
            });
        });
      });
    });
  w.raw(v.extra);
}
