/**
 * A WebAssembly module over an imported memory. Encoding: WebAssembly Core Specification 2.0, chapter 5; numbers stand for the
 * opcodes and types of its index (appendix A.6).
 */
export interface WasmModule {
  /** By the names under which they are exported. */
  readonly functions: Readonly<Record<string, WasmFunction>>;
  /** Pages of 64 KiB that the memory has at least. */
  readonly pages: number;
}
export interface WasmFunction {
  /** Types of the parameters, in order. */
  readonly parameters: readonly ValueType[];
  /** Types of the locals, numbered on from the parameters. */
  readonly locals: readonly ValueType[];
  readonly code: Code;
}
export type ValueType = 'i32' | 'f32' | 'v128';
/** Instructions one after the other. */
export type Code = readonly number[];
const TYPES: Readonly<Record<ValueType, number>> = { i32: 0x7f, f32: 0x7d, v128: 0x7b };
export const PAGE = 65536;

/** The module's bytes: it imports the memory as `''.memory`. */
function wasmModule({ functions, pages }: WasmModule): Uint8Array<ArrayBuffer> {
  const names = Object.keys(functions);
  const all = Object.values(functions);
  const body = ({ locals, code }: WasmFunction): Code => [
    ...list(locals.map((type) => [1, TYPES[type]])),
    ...code,
    END,
  ];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(
      1,
      all.map(({ parameters }) => [0x60, ...list(parameters.map((type) => [TYPES[type]])), 0]),
    ),
    ...section(2, [[0, ...text('memory'), 2, 0, ...unsigned(pages)]]),
    ...section(
      3,
      all.map((_, i) => unsigned(i)),
    ),
    ...section(
      7,
      names.map((name, i) => [...text(name), 0, ...unsigned(i)]),
    ),
    ...section(
      10,
      all.map((f) => text(body(f))),
    ),
  ]);
}

/** The module's functions over a memory of its `pages` or more, by their names. Throws where a module is not valid. */
export function wasmInstance(module: WasmModule, memory: WebAssembly.Memory): Readonly<Record<string, unknown>> {
  return new WebAssembly.Instance(new WebAssembly.Module(wasmModule(module)), { '': { memory } }).exports;
}

/** Lets a memory have so many bytes or more; where it grew, views on it must be made anew. Throws RangeError where there is none. */
export function reserve(memory: WebAssembly.Memory, bytes: number): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
}

/** A function whose parameters and locals have names. */
export function wasmFunction<P extends string, L extends string>(
  parameters: Readonly<Record<P, ValueType>>,
  locals: Readonly<Record<L, ValueType>>,
  code: (named: Named<P | L>) => Code,
): WasmFunction {
  const numbers = new Map([...Object.keys(parameters), ...Object.keys(locals)].map((name, i) => [name, i]));
  const of = (instruction: (local: number) => Code) => (name: P | L) => instruction(numbers.get(name)!);
  return {
    parameters: Object.values(parameters),
    locals: Object.values(locals),
    code: code({ get: of(WASM.get), set: of(WASM.set), tee: of(WASM.tee) }),
  };
}
export interface Named<N extends string> {
  get(name: N): Code;
  set(name: N): Code;
  /** Sets it and leaves the value on the stack. */
  tee(name: N): Code;
}

const END = 0x0b;
/** A number as unsigned LEB128. */
function unsigned(n: number): Code {
  return n < 128 ? [n] : [(n % 128) | 128, ...unsigned(Math.floor(n / 128))];
}
/** An i32 as signed LEB128. */
function signed(n: number): Code {
  return n >= -64 && n < 64 ? [n & 127] : [(n & 127) | 128, ...signed(n >> 7)];
}
/** A text, or bytes, behind its length. */
const text = (content: string | Code): Code => {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return [...unsigned(bytes.length), ...bytes];
};
const list = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()];
const section = (id: number, items: readonly Code[]): Code => [id, ...text(list(items))];

const simd = (opcode: number, ...rest: Code): Code => [0xfd, ...unsigned(opcode), ...rest];
/** Of a memory instruction: the exponent of the alignment that it may count on, and what is added to the address. */
const at = (alignment: number, offset: number): Code => [alignment, ...unsigned(offset)];
/** Instructions that this project uses, by the specification's names. */
export const WASM = {
  get: (local: number) => [0x20, ...unsigned(local)],
  set: (local: number) => [0x21, ...unsigned(local)],
  tee: (local: number) => [0x22, ...unsigned(local)],
  i32: (n: number) => [0x41, ...signed(n)],
  i32Load: [0x28, ...at(2, 0)],
  i32Load8: (offset: number) => [0x2d, ...at(0, offset)],
  i32Store8: (offset: number) => [0x3a, ...at(0, offset)],
  i32LessThan: [0x48],
  i32Add: [0x6a],
  i32Mul: [0x6c],
  i32ShiftLeft: [0x74],
  loop: (code: Code) => [0x03, 0x40, ...code, END],
  /** Goes back to the loop's begin where the i32 on the stack is not 0. */
  again: [0x0d, 0],

  /** At addresses that are a multiple of 16. */
  alignedLoad: (offset: number) => simd(0x00, ...at(4, offset)),
  alignedStore: (offset: number) => simd(0x0b, ...at(4, offset)),
  v128Load: (offset: number) => simd(0x00, ...at(0, offset)),
  v128Store: simd(0x0b, ...at(0, 0)),
  /** Four bytes, and zeros after them. */
  load32Zero: simd(0x5c, ...at(0, 0)),
  /** An i32 in all four places. */
  load32Splat: simd(0x09, ...at(2, 0)),
  /** The first four bytes. */
  store32Lane0: simd(0x5a, ...at(0, 0), 0),
  /** 16 bytes, first to last. */
  v128: (bytes: Code) => simd(0x0c, ...bytes),
  and: simd(0x4e),

  /** Bytes of the first by their places in the second; 0 where that is above 15. */
  i8x16Swizzle: simd(0x0e),

  i16x8ExtendLowU8: simd(0x89),
  i16x8ExtendHighU8: simd(0x8a),
  i32x4ExtendLowU16: simd(0xa9),
  i32x4ExtendHighU16: simd(0xaa),
  /** Saturating. */
  u8x16NarrowI16: simd(0x66),
  i16x8NarrowI32: simd(0x85),
  i32x4Splat: (n: number) => simd(0x0c, ...four([n & 255, (n >> 8) & 255, (n >> 16) & 255, n >>> 24])),
  i32x4Lane: (lane: 0 | 1 | 2) => simd(0x1b, lane),
  i32x4Min: simd(0xb6),
  i32x4Max: simd(0xb8),
  i32x4ShiftLeft: simd(0xab),
  i32x4ShiftRight: simd(0xad),
  i32x4Add: simd(0xae),
  i32x4Mul: simd(0xb5),
  /** Products of int16, added two by two. */
  i32x4DotI16: simd(0xba),

  f32x4Splat: simd(0x13),
  /** 1.0 in all four places. */
  f32x4Ones: simd(0x0c, ...four([0, 0, 0x80, 0x3f])),
  f32x4LessThan: simd(0x43),
  f32x4Sqrt: simd(0xe3),
  f32x4Add: simd(0xe4),
  f32x4Sub: simd(0xe5),
  f32x4Mul: simd(0xe6),
  f32x4Div: simd(0xe7),
  f32x4Max: simd(0xe9),
} as const;
function four(bytes: Code): Code {
  return [0, 1, 2, 3].flatMap(() => bytes);
}

/** `body` for a counter from 0 on in steps, at least once. */
export function counted<N extends string>(
  { get, set, tee }: Named<N>,
  counter: N,
  step: number,
  until: Code,
  body: Code,
): Code {
  const onward = [...get(counter), ...WASM.i32(step), ...WASM.i32Add, ...tee(counter), ...until, ...WASM.i32LessThan];
  return [...WASM.i32(0), ...set(counter), ...WASM.loop([...body, ...onward, ...WASM.again])];
}

/** Adds to a local. */
export function moved<N extends string>({ get, set }: Named<N>, local: N, by: Code): Code {
  return [...get(local), ...by, ...WASM.i32Add, ...set(local)];
}
