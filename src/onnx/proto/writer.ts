/**
 * Writes protobuf as a list of chunks. Large byte fields become chunks of their own, by reference; everything small is
 * gathered into shared buffers.
 */
export interface Writer {
  varint(field: number, value: number | bigint): void;
  float(field: number, value: number): void;
  bytes(field: number, value: Uint8Array): void;
  text(field: number, value: string): void;
  message(field: number, body: (w: Writer) => void): void;
  packedInts(field: number, values: readonly (number | bigint)[]): void;
  packedFloats(field: number, values: readonly number[]): void;
  /** Fields kept from reading, tags included. */
  raw(fields: readonly Uint8Array[] | undefined): void;
  readonly length: number;
  chunks(): Uint8Array[];
}

const BY_REFERENCE = 1024;
const encoder = new TextEncoder();

export function writer(): Writer {
  const done: Uint8Array[] = [];
  let doneLength = 0;
  let buffer = new Uint8Array(256);
  let used = 0;

  function room(n: number): void {
    if (used + n <= buffer.length) return;
    const larger = new Uint8Array(Math.max(buffer.length * 2, used + n));
    larger.set(buffer.subarray(0, used));
    buffer = larger;
  }
  function flush(): void {
    if (used === 0) return;
    done.push(buffer.subarray(0, used));
    doneLength += used;
    buffer = new Uint8Array(256);
    used = 0;
  }
  function put(value: number | bigint): void {
    room(10);
    if (typeof value === 'number' && value >= 0) {
      let rest = value;
      while (rest >= 128) {
        buffer[used++] = (rest % 128) | 128;
        rest = Math.floor(rest / 128);
      }
      buffer[used++] = rest;
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest >= 128n) {
      buffer[used++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    buffer[used++] = Number(rest);
  }
  function append(value: Uint8Array): void {
    if (value.length >= BY_REFERENCE) {
      flush();
      done.push(value);
      doneLength += value.length;
      return;
    }
    room(value.length);
    buffer.set(value, used);
    used += value.length;
  }
  const tag = (field: number, wire: number): void => put(field * 8 + wire);
  const fixed32 = (value: number): void => {
    room(4);
    new DataView(buffer.buffer).setFloat32(used, value, true);
    used += 4;
  };

  const self: Writer = {
    varint(field, value) {
      tag(field, 0);
      put(value);
    },
    float(field, value) {
      tag(field, 5);
      fixed32(value);
    },
    bytes(field, value) {
      tag(field, 2);
      put(value.length);
      append(value);
    },
    text(field, value) {
      self.bytes(field, encoder.encode(value));
    },
    message(field, body) {
      const inner = writer();
      body(inner);
      tag(field, 2);
      put(inner.length);
      for (const chunk of inner.chunks()) append(chunk);
    },
    packedInts(field, values) {
      if (values.length === 0) return;
      tag(field, 2);
      const body = packed(values);
      put(body.length);
      append(body);
    },
    packedFloats(field, values) {
      if (values.length === 0) return;
      tag(field, 2);
      put(values.length * 4);
      for (const value of values) fixed32(value);
    },
    raw(fields) {
      for (const field of fields ?? []) append(field);
    },
    get length() {
      return doneLength + used;
    },
    chunks() {
      flush();
      return done;
    },
  };
  return self;
}

/** Varints, one after the other. */
export function packed(values: readonly (number | bigint)[]): Uint8Array {
  const out: number[] = [];
  for (const value of values) {
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest >= 128n) {
      out.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    out.push(Number(rest));
  }
  return Uint8Array.from(out);
}
