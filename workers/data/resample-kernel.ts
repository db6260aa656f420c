import { type Code, WASM, wasmFunction, wasmModule } from '../wasm/module.js';

/**
 * Weighted sums of uint8 along one axis of a picture. Weights are fixed-point numbers of `WEIGHT_BITS` behind the point in int32,
 * so with sums of 1 nothing overflows. A table has for each number of the result a row of 1 + `taps` int32: how many bytes
 * behind the source's begin its first pixel is, and its weights. Addresses and strides are bytes.
 */
export interface ResampleKernel {
  readonly memory: WebAssembly.Memory;
  /**
   * RGB pixels of `rows` rows (a multiple of 4): `columns` of them each. Reads up to `taps` pixels and a byte behind a row's end;
   * writes a byte behind a row's end.
   */
  across(
    source: number,
    stride: number,
    target: number,
    targetStride: number,
    rows: number,
    table: number,
    columns: number,
    taps: number,
  ): void;
  /**
   * `rows` rows, of rows of `stride` bytes (a multiple of 16). All of them are written, one row after the other: where the target's
   * stride is less, what is too much lies under the next row.
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

export function resampleKernel(): ResampleKernel {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new WebAssembly.Module(wasmModule({ functions: { across, down }, pages: 1 }));
  const { exports } = new WebAssembly.Instance(module, { '': { memory } });
  return { memory, ...(exports as unknown as Omit<ResampleKernel, 'memory'>) };
}

const { i32, i32Add, i32Mul, i32Load } = WASM;
const HALF = WASM.i32x4Splat(2 ** (WEIGHT_BITS - 1));

interface Counting<N extends string> {
  readonly get: (name: N) => Code;
  readonly set: (name: N) => Code;
  readonly tee: (name: N) => Code;
}
/** `body` for a counter from 0 on in steps, at least once. */
function counted<N extends string>(
  { get, set, tee }: Counting<N>,
  counter: N,
  step: number,
  until: Code,
  body: Code,
): Code {
  const onward = [...get(counter), ...i32(step), ...i32Add, ...tee(counter), ...until, ...WASM.i32LessThan];
  return [...i32(0), ...set(counter), ...WASM.loop([...body, ...onward, ...WASM.again])];
}
const moved = <N extends string>({ get, set }: Counting<N>, name: N, by: Code): Code => [
  ...get(name),
  ...by,
  ...i32Add,
  ...set(name),
];

/** Four rows at a time, which share what is read of the table; of a pixel, red, green and blue side by side (and what follows). */
const across = wasmFunction(
  {
    source: 'i32',
    stride: 'i32',
    target: 'i32',
    targetStride: 'i32',
    rows: 'i32',
    table: 'i32',
    columns: 'i32',
    taps: 'i32',
  },
  {
    row: 'i32',
    column: 'i32',
    tap: 'i32',
    entry: 'i32',
    to: 'i32',
    weight: 'v128',
    from0: 'i32',
    from1: 'i32',
    from2: 'i32',
    from3: 'i32',
    sum0: 'v128',
    sum1: 'v128',
    sum2: 'v128',
    sum3: 'v128',
  },
  (named) => {
    const { get, set } = named;
    const lanes = [0, 1, 2, 3] as const;
    const pixel = (lane: 0 | 1 | 2 | 3): Code => [
      ...get(`from${lane}`),
      ...WASM.load32Zero,
      ...WASM.i16x8ExtendLowU8,
      ...WASM.i32x4ExtendLowU16,
    ];
    const weighted = lanes.flatMap((lane) => [
      ...[...pixel(lane), ...get('weight'), ...WASM.i32x4Mul],
      ...[...get(`sum${lane}`), ...WASM.i32x4Add, ...set(`sum${lane}`)],
      ...moved(named, `from${lane}`, i32(3)),
    ]);
    const whole = (lane: 0 | 1 | 2 | 3): Code => [
      ...get(`sum${lane}`),
      ...i32(WEIGHT_BITS),
      ...WASM.i32x4ShiftRight,
      ...[...get(`sum${lane}`), ...WASM.i16x8NarrowI32, ...get(`sum${lane}`), ...WASM.u8x16NarrowI16],
    ];
    const began = [
      ...[...get('source'), ...get('entry'), ...i32Load, ...i32Add, ...set('from0')],
      ...[...get('from0'), ...get('stride'), ...i32Add, ...set('from1')],
      ...[...get('from1'), ...get('stride'), ...i32Add, ...set('from2')],
      ...[...get('from2'), ...get('stride'), ...i32Add, ...set('from3')],
      ...lanes.flatMap((lane) => [...HALF, ...set(`sum${lane}`)]),
    ];
    const written = [
      ...[...get('to'), ...set('from0')],
      ...lanes.flatMap((lane) => [
        ...[...get('from0'), ...whole(lane), ...WASM.store32Lane0],
        ...moved(named, 'from0', get('targetStride')),
      ]),
    ];
    const sums = counted(named, 'tap', 1, get('taps'), [
      ...moved(named, 'entry', i32(4)),
      ...[...get('entry'), ...WASM.load32Splat, ...set('weight')],
      ...weighted,
    ]);
    const pixels = counted(named, 'column', 1, get('columns'), [
      ...began,
      ...sums,
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
      ...[...get('from'), ...WASM.v128Load, ...set('bytes')],
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
