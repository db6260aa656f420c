import { type Code, counted, moved, PAGE, reserve, WASM, wasmFunction, wasmInstance } from '../wasm/module.js';

/** Steps of linear light: in the dark, where sRGB is steepest, five to a level. */
export const STEPS = 16384;
export const LEVELS = 256;

/** Colours by tables, of R, G and B at once: in JavaScript it takes several times as long. */
export interface SrgbKernel {
  /** uint8 [STEPS + 1]: the level of so much light. */
  readonly levels: Uint8Array;
  /** int32 [3, LEVELS, 4]: what each level of R, G and B adds to the light of sRGB's R, G and B, in steps; the fourth is nothing. */
  readonly shares: Int32Array;
  /** Converts uint8 [N, 3] in place, each sum of light between 0 and `STEPS`. */
  convert(rgb: Uint8Array): void;
}

const SHARES = PAGE;
const PIXELS = 2 * PAGE;

export function srgbKernel(): SrgbKernel {
  const pages = PIXELS / PAGE;
  const memory = new WebAssembly.Memory({ initial: pages });
  const run = wasmInstance({ functions: { convert }, pages }, memory).convert as (begin: number, end: number) => void;
  const levels = new Uint8Array(STEPS + 1);
  const shares = new Int32Array(3 * LEVELS * 4);
  return {
    levels,
    shares,
    convert(rgb) {
      reserve(memory, PIXELS + rgb.length);
      const bytes = new Uint8Array(memory.buffer);
      bytes.set(levels);
      new Int32Array(memory.buffer, SHARES).set(shares);
      bytes.set(rgb, PIXELS);
      run(PIXELS, rgb.length);
      rgb.set(bytes.subarray(PIXELS, PIXELS + rgb.length));
    },
  };
}

const { i32 } = WASM;
const convert = wasmFunction({ pixels: 'i32', bytes: 'i32' }, { at: 'i32', light: 'v128' }, (named) => {
  const { get, set } = named;
  const share = (colour: 0 | 1 | 2): Code => [
    ...[...get('pixels'), ...WASM.i32Load8(colour), ...i32(4), ...WASM.i32ShiftLeft],
    ...WASM.v128Load(SHARES + colour * LEVELS * 16),
  ];
  const level = (colour: 0 | 1 | 2): Code => [
    ...[...get('pixels'), ...get('light'), ...WASM.i32x4Lane(colour), ...WASM.i32Load8(0), ...WASM.i32Store8(colour)],
  ];
  return counted(named, 'at', 3, get('bytes'), [
    ...[...share(0), ...share(1), ...WASM.i32x4Add, ...share(2), ...WASM.i32x4Add],
    ...[...WASM.i32x4Splat(0), ...WASM.i32x4Max, ...WASM.i32x4Splat(STEPS), ...WASM.i32x4Min, ...set('light')],
    ...[...level(0), ...level(1), ...level(2)],
    ...moved(named, 'pixels', i32(3)),
  ]);
});
