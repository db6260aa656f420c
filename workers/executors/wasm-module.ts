/**
 * A WebAssembly module with one function over an imported memory. Encoding: WebAssembly Core Specification 2.0, chapter 5;
 * numbers stand for the opcodes and types of its index (appendix A.6).
 */
export interface WasmFunction {
  /** Types of the parameters, in order. */
  readonly parameters: readonly ValueType[];
  /** Types of the locals, numbered on from the parameters. */
  readonly locals: readonly ValueType[];
  readonly code: readonly number[];
  /** Pages of 64 KiB that the memory has at least. */
  readonly pages: number;
}
export type ValueType = 'i32' | 'f32' | 'v128';
const TYPES: Readonly<Record<ValueType, number>> = { i32: 0x7f, f32: 0x7d, v128: 0x7b };

/** The module's bytes: it imports the memory as `''.memory` and exports the function as `run`. */
export function wasmModule(f: WasmFunction): Uint8Array<ArrayBuffer> {
  const run = [...unsigned(3), ...new TextEncoder().encode('run')];
  const memory = [...unsigned(6), ...new TextEncoder().encode('memory')];
  const locals = list(f.locals.map((type) => [1, TYPES[type]]));
  const body = [...locals, ...f.code, END];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [[0x60, ...list(f.parameters.map((type) => [TYPES[type]])), 0]]),
    ...section(2, [[0, ...memory, 2, 0, ...unsigned(f.pages)]]),
    ...section(3, [[0]]),
    ...section(7, [[...run, 0, 0]]),
    ...section(10, [[...unsigned(body.length), ...body]]),
  ]);
}

const END = 0x0b;
/** A number as unsigned LEB128. */
export function unsigned(n: number): readonly number[] {
  return n < 128 ? [n] : [(n % 128) | 128, ...unsigned(Math.floor(n / 128))];
}
const list = (items: readonly (readonly number[])[]): readonly number[] => [...unsigned(items.length), ...items.flat()];
const section = (id: number, items: readonly (readonly number[])[]): readonly number[] => {
  const content = list(items);
  return [id, ...unsigned(content.length), ...content];
};

const simd = (opcode: number, ...rest: readonly number[]): readonly number[] => [0xfd, ...unsigned(opcode), ...rest];
/** Instructions that this project uses, as bytes. Addresses are aligned to 16 bytes; `offset` is added to them. */
export const WASM = {
  get: (local: number) => [0x20, ...unsigned(local)],
  set: (local: number) => [0x21, ...unsigned(local)],
  /** An i32 from 0 to 63. */
  small: (n: number) => [0x41, n],
  add: [0x6a],
  less: [0x48],
  loop: (code: readonly number[]) => [0x03, 0x40, ...code, END],
  /** Goes back to the loop's begin where the i32 on the stack is not 0. */
  again: [0x0d, 0],
  load: (offset: number) => simd(0x00, 4, ...unsigned(offset)),
  store: (offset: number) => simd(0x0b, 4, ...unsigned(offset)),
  splat: simd(0x13),
  /** 1.0 in all four places. */
  ones: simd(0x0c, ...[0, 1, 2, 3].flatMap(() => [0, 0, 0x80, 0x3f])),
  lanesLess: simd(0x43),
  and: simd(0x4e),
  lanesSqrt: simd(0xe3),
  lanesAdd: simd(0xe4),
  lanesSub: simd(0xe5),
  lanesMul: simd(0xe6),
  lanesDiv: simd(0xe7),
  lanesMax: simd(0xe9),
} as const;
