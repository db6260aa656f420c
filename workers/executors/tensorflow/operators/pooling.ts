import { elements, NEWEST_OPSET } from '../../../../src/onnx/index.js';
import type { Op, Operator } from '../op.js';
import { channelsLast, type Order } from '../order.js';
import type { Raw, Value } from '../recorder.js';
import type { OperatorLine } from './line.js';
import { reduced } from './reduction.js';
import { padded, reshaped } from './shape.js';
import { reachedEnds, type Window, windowOf } from './window.js';

const NHWC: Order = channelsLast(4);
const VALID = { padding: 'VALID', data_format: 'NHWC' } as const;
const windowed = (w: Window) => ({ ksize: [1, ...w.kernel, 1], strides: [1, ...w.strides, 1], ...VALID });

/** One axis is two of which the first is a single place. */
function plane(c: Op): { x: Value; w: Window; back: (v: Value) => Value } {
  const x = c.x(0);
  const kernel = c.ints('kernel_shape') ?? [];
  if (x.dims.length === 4) return { x, w: windowOf(c, x.dims.slice(2), kernel), back: (v) => v };
  if (x.dims.length !== 3) throw c.unsupported(`goes over ${x.dims.length - 2} axes`);
  const w = windowOf(c, x.dims.slice(2), kernel);
  const [n, channels, length] = x.dims as [number, number, number];
  const with1 = (list: readonly number[], fill: number): readonly number[] => [fill, ...list];
  return {
    x: reshaped(c, x, [n, channels, 1, length]),
    w: {
      input: with1(w.input, 1),
      kernel: with1(w.kernel, 1),
      strides: with1(w.strides, 1),
      dilations: with1(w.dilations, 1),
      begins: with1(w.begins, 0),
      ends: with1(w.ends, 0),
      output: with1(w.output, 1),
    },
    back: (v) => reshaped(c, v, [n, channels, v.dims[3] as number]),
  };
}
/** Channels last, with the padding that the windows reach, of numbers that change nothing. */
function widened(c: Op, x: Value, w: Window, filler: number): Value {
  const ends = reachedEnds(w);
  const last = c.value(c.ordered(x, NHWC), NHWC);
  return padded(c, last, [0, 0, ...w.begins], [0, 0, ...ends], 'constant', c.constant(x.type, [], filler));
}
const LOWEST: Readonly<Record<string, number>> = { int8: -128, uint8: 0 };

const maxPool: Operator = (c) => {
  const { x, w, back } = plane(c);
  if (w.dilations.some((d) => d > 1)) throw c.unsupported('has gaps in its window');
  if (x.type !== 'float32' && x.type !== 'float64') throw c.unsupported(`is of ${x.type}`);
  const wide = widened(c, x, w, LOWEST[x.type] ?? Number.NEGATIVE_INFINITY);
  return back(c.value(c.call('MaxPool', [wide.raw], windowed(w)), NHWC));
};
/** Numbers in every window over numbers that count, row-major over the output's places: [1, h, w, 1]. */
function shares(c: Op, w: Window): Raw | null {
  const padding = c.int('count_include_pad', 0) !== 0;
  const counts = w.kernel.map((k, i) =>
    Array.from({ length: w.output[i] as number }, (_, o) => {
      const from = o * (w.strides[i] as number);
      const [low, high] = padding
        ? [0, (w.begins[i] as number) + (w.input[i] as number) + (w.ends[i] as number)]
        : [w.begins[i] as number, (w.begins[i] as number) + (w.input[i] as number)];
      return Array.from({ length: k }, (_, t) => from + t).filter((at) => at >= low && at < high).length;
    }),
  );
  const [rows, columns] = counts as [number[], number[]];
  const whole = elements(w.kernel);
  const list = rows.flatMap((r) => columns.map((s) => whole / Math.max(1, r * s)));
  return list.every((v) => v === 1) ? null : c.constant('float32', [1, rows.length, columns.length, 1], list);
}
const averagePool: Operator = (c) => {
  const { x, w, back } = plane(c);
  if (w.dilations.some((d) => d > 1)) throw c.unsupported('has gaps in its window');
  if (x.type !== 'float32') throw c.unsupported(`is of ${x.type}`);
  const made = c.call('AvgPool', [widened(c, x, w, 0).raw], windowed(w));
  const share = shares(c, w);
  return back(c.value(share === null ? made : c.call('Mul', [made, share]), NHWC));
};
/** graft.MaxPoolGradient: (x, y, dy) -> dx, to the first largest of every window. */
const maxPoolGradient: Operator = (c) => {
  const { x, w, back } = plane(c);
  const wide = widened(c, x, w, Number.NEGATIVE_INFINITY);
  const last = (i: number): Raw => {
    const [n, channels, ...places] = c.x(i).dims as [number, number, ...number[]];
    return c.ordered(x === c.x(0) ? c.x(i) : reshaped(c, c.x(i), [n, channels, 1, ...places]), NHWC);
  };
  const made = c.value(c.call('MaxPoolGrad', [wide.raw, last(1), last(2)], windowed(w)), NHWC);
  return back(padded(c, made, [0, 0, ...w.begins.map((p) => -p)], [0, 0, ...reachedEnds(w).map((p) => -p)]));
};
const overPlaces =
  (kernel: 'Mean' | 'Max'): Operator =>
  (c) => {
    const x = c.x(0);
    return reduced(
      c,
      kernel,
      x,
      x.dims.slice(2).map((_, i) => i + 2),
      true,
    );
  };

/** (sum of |x|^p)^(1/p) */
const root = (c: Op, sum: Raw, p: number): Raw => c.call('Pow', [sum, c.constant('float32', [], 1 / p)]);
const power = (c: Op, x: Value, p: number): Value =>
  c.value(c.call('Pow', [c.call('Abs', [x.raw]), c.constant('float32', [], p)]), x.order);
const lpPool: Operator = (c) => {
  const { x, w, back } = plane(c);
  if (w.dilations.some((d) => d > 1) || x.type !== 'float32') throw c.unsupported('has gaps in its window');
  const p = c.int('p', 2);
  const mean = c.call('AvgPool', [widened(c, power(c, x, p), w, 0).raw], windowed(w));
  const sum = c.call('Mul', [mean, c.constant('float32', [], elements(w.kernel))]);
  return back(c.value(root(c, sum, p), NHWC));
};
const globalLpPool: Operator = (c) => {
  const x = c.x(0);
  const p = c.int('p', 2);
  const sum = reduced(
    c,
    'Sum',
    power(c, x, p),
    x.dims.slice(2).map((_, i) => i + 2),
    true,
  );
  return c.value(root(c, sum.raw, p), sum.order);
};

const N = NEWEST_OPSET;
export const poolingOperators: readonly OperatorLine[] = [
  ['MaxPool', 7, N, maxPool],
  ['AveragePool', 7, N, averagePool],
  ['GlobalAveragePool', 7, N, overPlaces('Mean')],
  ['GlobalMaxPool', 7, N, overPlaces('Max')],
  ['LpPool', 7, N, lpPool],
  ['GlobalLpPool', 7, N, globalLpPool],
  ['graft:MaxPoolGradient', 1, 1, maxPoolGradient],
];
