import { type Code, counted, moved, WASM, wasmFunction, wasmInstance } from '../wasm/module.js';

/**
 * Weighted sums of uint8 along one axis of a picture. Weights are fixed-point numbers of `WEIGHT_BITS` behind the point in int32,
 * so with sums of 1 nothing overflows. A table has for each number of the result a row of int32: how many bytes behind the
 * source's begin its first pixel is, and its weights. Addresses and strides are bytes.
 */
export interface ResampleKernel {
  readonly memory: WebAssembly.Memory;
  /**
   * RGB pixels of `rows` rows (a multiple of 4): `columns` of them each. Weights are in `groups` as `weightGroup` writes them. Reads
   * up to 3 pixels and 4 bytes behind the last one that has a weight; writes a byte behind a row's end.
   */
  across(
    source: number,
    stride: number,
    target: number,
    targetStride: number,
    rows: number,
    table: number,
    columns: number,
    groups: number,
  ): void;
  /**
   * `rows` rows, of rows of `stride` bytes (a multiple of 16), with `taps` weights each. All of the bytes are written, one row after
   * the other: where the target's stride is less, what is too much lies under the next row.
   */
  down(
    source: number,
    stride: number,
    target: number,
    targetStride: number,
    rows: number,
    table: number,
    taps: number,
  ): void;
}

export const WEIGHT_BITS = 22;
/** Of a weight's bits; the rest, and so many, fit an int16 each. */
const LOW_BITS = 11;
/** Numbers of a table's row for 4 weights. */
export const GROUP = 4;
/**
 * The upper bits of two weights and of the two after them, then the lower bits: products of int16 are added in pairs by one
 * instruction, and the sum of both parts is that of the whole to the bit.
 */
export function weightGroup(table: Int32Array, at: number, a: number, b: number, c: number, d: number): void {
  const low = 2 ** LOW_BITS - 1;
  table[at] = (a >> LOW_BITS) | ((b >> LOW_BITS) << 16);
  table[at + 1] = (c >> LOW_BITS) | ((d >> LOW_BITS) << 16);
  table[at + 2] = (a & low) | ((b & low) << 16);
  table[at + 3] = (c & low) | ((d & low) << 16);
}

export function resampleKernel(): ResampleKernel {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const functions = wasmInstance({ functions: { across, down }, pages: 1 }, memory);
  return { memory, ...(functions as unknown as Omit<ResampleKernel, 'memory'>) };
}

const { i32, i32Add, i32Mul, i32Load } = WASM;
const HALF = WASM.i32x4Splat(2 ** (WEIGHT_BITS - 1));

type Lane = 0 | 1 | 2 | 3;
/** Red, green and blue of two pixels that lie `behind` bytes on, side by side as int16: 0 where there is nothing. */
const pair = (behind: number): Code =>
  WASM.v128([0, 3, 1, 4, 2, 5].flatMap((byte) => [byte + behind, NOTHING]).concat([0, 0, 0, 0].map(() => NOTHING)));
const NOTHING = 0x80;

/** Four rows at a time, which share what is read of the table. */
const across = wasmFunction(
  {
    source: 'i32',
    stride: 'i32',
    target: 'i32',
    targetStride: 'i32',
    rows: 'i32',
    table: 'i32',
    columns: 'i32',
    groups: 'i32',
  },
  {
    row: 'i32',
    column: 'i32',
    group: 'i32',
    entry: 'i32',
    to: 'i32',
    bytes: 'v128',
    first: 'v128',
    second: 'v128',
    from0: 'i32',
    from1: 'i32',
    from2: 'i32',
    from3: 'i32',
    high0: 'v128',
    high1: 'v128',
    high2: 'v128',
    high3: 'v128',
    low0: 'v128',
    low1: 'v128',
    low2: 'v128',
    low3: 'v128',
    upper: 'v128',
    upperNext: 'v128',
    lower: 'v128',
    lowerNext: 'v128',
  },
  (named) => {
    const { get, set } = named;
    const lanes: readonly Lane[] = [0, 1, 2, 3];
    const added = (sum: `${'high' | 'low'}${Lane}`, pixels: 'first' | 'second', weights: 'upper' | 'lower'): Code => [
      ...[...get(sum), ...get(pixels), ...get(pixels === 'first' ? weights : `${weights}Next`)],
      ...[...WASM.i32x4DotI16, ...WASM.i32x4Add, ...set(sum)],
    ];
    const weighted = lanes.flatMap((lane) => [
      ...[...get(`from${lane}`), ...WASM.v128Load(0), ...set('bytes')],
      ...[...get('bytes'), ...pair(0), ...WASM.i8x16Swizzle, ...set('first')],
      ...[...get('bytes'), ...pair(6), ...WASM.i8x16Swizzle, ...set('second')],
      ...[...added(`high${lane}`, 'first', 'upper'), ...added(`low${lane}`, 'first', 'lower')],
      ...[...added(`high${lane}`, 'second', 'upper'), ...added(`low${lane}`, 'second', 'lower')],
      ...moved(named, `from${lane}`, i32(12)),
    ]);
    const whole = (lane: Lane): Code => [
      ...[...get(`high${lane}`), ...i32(LOW_BITS), ...WASM.i32x4ShiftLeft, ...get(`low${lane}`), ...WASM.i32x4Add],
      ...[...i32(WEIGHT_BITS), ...WASM.i32x4ShiftRight],
      ...[...get('bytes'), ...WASM.i16x8NarrowI32, ...get('bytes'), ...WASM.u8x16NarrowI16],
    ];
    const began = [
      ...[...get('source'), ...get('entry'), ...i32Load, ...i32Add, ...set('from0')],
      ...[...get('from0'), ...get('stride'), ...i32Add, ...set('from1')],
      ...[...get('from1'), ...get('stride'), ...i32Add, ...set('from2')],
      ...[...get('from2'), ...get('stride'), ...i32Add, ...set('from3')],
      ...lanes.flatMap((lane) => [...WASM.i32x4Splat(0), ...set(`high${lane}`), ...HALF, ...set(`low${lane}`)]),
    ];
    const written = [
      ...[...get('to'), ...set('from0')],
      ...lanes.flatMap((lane) => [
        ...[...get('from0'), ...whole(lane), ...WASM.store32Lane0],
        ...moved(named, 'from0', get('targetStride')),
      ]),
    ];
    const weights = (['upper', 'upperNext', 'lower', 'lowerNext'] as const).flatMap((name) => [
      ...moved(named, 'entry', i32(4)),
      ...[...get('entry'), ...WASM.load32Splat, ...set(name)],
    ]);
    const pixels = counted(named, 'column', 1, get('columns'), [
      ...began,
      ...counted(named, 'group', 1, get('groups'), [...weights, ...weighted]),
      ...moved(named, 'entry', i32(4)),
      ...written,
      ...moved(named, 'to', i32(3)),
    ]);
    return counted(named, 'row', 4, get('rows'), [
      ...[...get('table'), ...set('entry'), ...get('target'), ...set('to')],
      ...pixels,
      ...moved(named, 'source', [...get('stride'), ...i32(4), ...i32Mul]),
      ...moved(named, 'target', [...get('targetStride'), ...i32(4), ...i32Mul]),
    ]);
  },
);

const down = wasmFunction(
  { source: 'i32', stride: 'i32', target: 'i32', targetStride: 'i32', rows: 'i32', table: 'i32', taps: 'i32' },
  {
    row: 'i32',
    at: 'i32',
    tap: 'i32',
    entry: 'i32',
    from: 'i32',
    weight: 'v128',
    bytes: 'v128',
    half: 'v128',
    sum0: 'v128',
    sum1: 'v128',
    sum2: 'v128',
    sum3: 'v128',
  },
  (named) => {
    const { get, set } = named;
    const weighted = (sum: 'sum0' | 'sum1' | 'sum2' | 'sum3', extended: Code): Code => [
      ...[...get('half'), ...extended, ...get('weight'), ...WASM.i32x4Mul],
      ...[...get(sum), ...WASM.i32x4Add, ...set(sum)],
    ];
    const whole = (sum: 'sum0' | 'sum1' | 'sum2' | 'sum3'): Code => [
      ...get(sum),
      ...i32(WEIGHT_BITS),
      ...WASM.i32x4ShiftRight,
    ];
    const sums = counted(named, 'tap', 1, get('taps'), [
      ...moved(named, 'entry', i32(4)),
      ...[...get('entry'), ...WASM.load32Splat, ...set('weight')],
      ...[...get('from'), ...WASM.v128Load(0), ...set('bytes')],
      ...[...get('bytes'), ...WASM.i16x8ExtendLowU8, ...set('half')],
      ...[...weighted('sum0', WASM.i32x4ExtendLowU16), ...weighted('sum1', WASM.i32x4ExtendHighU16)],
      ...[...get('bytes'), ...WASM.i16x8ExtendHighU8, ...set('half')],
      ...[...weighted('sum2', WASM.i32x4ExtendLowU16), ...weighted('sum3', WASM.i32x4ExtendHighU16)],
      ...moved(named, 'from', get('stride')),
    ]);
    const bytes = counted(named, 'at', 16, get('stride'), [
      ...[...get('table'), ...set('entry')],
      ...[...get('source'), ...get('entry'), ...i32Load, ...i32Add, ...get('at'), ...i32Add, ...set('from')],
      ...(['sum0', 'sum1', 'sum2', 'sum3'] as const).flatMap((sum) => [...HALF, ...set(sum)]),
      ...sums,
      ...[...get('target'), ...get('at'), ...i32Add],
      ...[...whole('sum0'), ...whole('sum1'), ...WASM.i16x8NarrowI32],
      ...[...whole('sum2'), ...whole('sum3'), ...WASM.i16x8NarrowI32, ...WASM.u8x16NarrowI16, ...WASM.v128Store],
    ]);
    return counted(named, 'row', 1, get('rows'), [
      ...bytes,
      ...moved(named, 'table', [...get('taps'), ...i32(1), ...i32Add, ...i32(4), ...i32Mul]),
      ...moved(named, 'target', get('targetStride')),
    ]);
  },
);
