import { OnnxError } from '../error.js';

/**
 * Protobuf wire format (https://protobuf.dev/programming-guides/encoding), as much as ONNX needs. A message is walked
 * field by field over one buffer; length-delimited values are views. Every length is checked against the enclosing
 * message before use, so that malformed input ends in an OnnxError and the walk always moves forward.
 */
export interface Field {
  readonly number: number;
  /** 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes. */
  readonly wire: 0 | 1 | 2 | 5;
  /** Start of the tag, for keeping fields as they are. */
  readonly tagAt: number;
  /** Start and end of the value (of the payload, for length-delimited ones). */
  readonly start: number;
  readonly end: number;
}

/** An unsigned LEB128 number that must fit a length or tag; `next` is where reading goes on. */
function smallVarint(bytes: Uint8Array, at: number, end: number): { value: number; next: number } {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < 10; i++) {
    if (at + i >= end) throw new OnnxError('truncated', `The file ends inside a number at byte ${at}.`);
    const byte = bytes[at + i] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, next: at + i + 1 };
    scale *= 128;
  }
  throw new OnnxError('malformed', `A number at byte ${at} is longer than 10 bytes.`);
}

/** A 64-bit varint as a signed number (ONNX's int64, int32 and enums are plain varints, not zigzag). */
export function varint(bytes: Uint8Array, at: number): bigint {
  // Most are small: stay out of BigInt arithmetic until the value needs it.
  let low = 0;
  let scale = 1;
  for (let i = 0; i < 7; i++) {
    const byte = bytes[at + i] as number;
    low += (byte & 0x7f) * scale;
    if (byte < 0x80) return BigInt(low);
    scale *= 128;
  }
  let value = BigInt(low);
  for (let i = 7; i < 10; i++) {
    const byte = bytes[at + i] as number;
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) break;
  }
  return BigInt.asIntN(64, value);
}

/** Length in bytes of the varint at `at`. */
function varintEnd(bytes: Uint8Array, at: number, end: number): number {
  for (let i = 0; i < 10; i++) {
    if (at + i >= end) throw new OnnxError('truncated', `The file ends inside a number at byte ${at}.`);
    if ((bytes[at + i] as number) < 0x80) return at + i + 1;
  }
  throw new OnnxError('malformed', `A number at byte ${at} is longer than 10 bytes.`);
}

/**
 * How many parts a model may have: every field read costs one, every byte of a packed list too (tensor data cost nothing).
 * Real graphs have thousands; without a bound, a file of tiny messages would fill the memory.
 */
export interface Budget {
  left: number;
}
export const budget = (): Budget => ({ left: 4_000_000 });
export function spend(from: Budget, cost: number): void {
  from.left -= cost;
  if (from.left < 0)
    throw new OnnxError('malformed', 'The file consists of millions of tiny parts; no real model does.');
}

/** Walks the fields of one message. Offsets are into `bytes`; a message's `bytes` are a view of the file. */
export function* fields(bytes: Uint8Array, from: Budget): Generator<Field> {
  const end = bytes.length;
  let at = 0;
  while (at < end) {
    spend(from, 1);
    const tagAt = at;
    const tag = smallVarint(bytes, at, end);
    const number = Math.floor(tag.value / 8);
    const wire = tag.value % 8;
    if (number === 0 || number > 536_870_911)
      throw new OnnxError('malformed', `Field number ${number} at byte ${tagAt} of a message is not allowed.`);
    let start = tag.next;
    let stop: number;
    if (wire === 0) stop = varintEnd(bytes, start, end);
    else if (wire === 1) stop = start + 8;
    else if (wire === 5) stop = start + 4;
    else if (wire === 2) {
      const length = smallVarint(bytes, start, end);
      start = length.next;
      stop = start + length.value;
    } else throw new OnnxError('malformed', `Wire type ${wire} of field ${number} is not used by ONNX.`);
    if (stop > end)
      throw new OnnxError(
        'truncated',
        `Field ${number} says it has ${stop - start} bytes, but only ${Math.max(0, end - start)} follow.`,
      );
    yield { number, wire: wire as Field['wire'], tagAt, start, end: stop };
    at = stop;
  }
}

/** Far above any name or note; below what a string can hold. */
const MAX_TEXT = 1 << 28;
const decoder = new TextDecoder('utf-8');

export const view = (bytes: Uint8Array, f: Field): Uint8Array => bytes.subarray(f.start, f.end);

function expect(f: Field, wire: Field['wire'], what: string): void {
  if (f.wire !== wire)
    throw new OnnxError('malformed', `${what} (field ${f.number}) has wire type ${f.wire}, not ${wire}.`);
}
export function message(bytes: Uint8Array, f: Field, what: string): Uint8Array {
  expect(f, 2, what);
  return view(bytes, f);
}
export function text(bytes: Uint8Array, f: Field, what: string): string {
  expect(f, 2, what);
  if (f.end - f.start > MAX_TEXT)
    throw new OnnxError('malformed', `${what} has ${f.end - f.start} bytes; no real one does.`);
  return decoder.decode(view(bytes, f));
}
export function int(bytes: Uint8Array, f: Field, what: string): bigint {
  expect(f, 0, what);
  return varint(bytes, f.start);
}
/** An integer that counts or numbers something: must be safe as a JavaScript number. */
export function count(bytes: Uint8Array, f: Field, what: string): number {
  return asNumber(int(bytes, f, what), what);
}
export function asNumber(value: bigint, what: string): number {
  const n = Number(value);
  if (!Number.isSafeInteger(n)) throw new OnnxError('malformed', `${what} is ${value}, beyond what can be counted.`);
  return n;
}

/** A repeated number field: one element, or many packed together (writers choose). */
export function ints(bytes: Uint8Array, f: Field, into: bigint[], what: string, from: Budget): void {
  if (f.wire === 0) {
    into.push(varint(bytes, f.start));
    return;
  }
  expect(f, 2, what);
  spend(from, f.end - f.start);
  let at = f.start;
  while (at < f.end) {
    const next = varintEnd(bytes, at, f.end);
    into.push(varint(bytes, at));
    at = next;
  }
}

/** The bytes of a repeated fixed-width field: packed or one by one, they are the little-endian elements either way. */
export function fixed(bytes: Uint8Array, f: Field, width: 4 | 8, what: string): Uint8Array {
  if (f.wire !== (width === 4 ? 5 : 1)) expect(f, 2, what);
  if ((f.end - f.start) % width !== 0)
    throw new OnnxError('malformed', `${what} has ${f.end - f.start} bytes, which is no multiple of ${width}.`);
  return view(bytes, f);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array;
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
