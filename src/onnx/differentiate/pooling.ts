import { float, intAttribute, intsAttribute } from '../attributes.js';
import { cast, constant, expand, pad, reduceSum, reshape, slice } from '../emit.js';
import { OnnxError } from '../error.js';
import { NEWEST_OPSET } from '../opsets.js';
import { elements, tensor } from '../tensor.js';
import type { DataType, Tensor } from '../types.js';
import { equal } from './compare.js';
import { reach, type Window, windowOf } from './convolution-window.js';
import type { Rule, RuleContext, RuleLine } from './rule.js';
import { addedRows, floatType } from './scatter.js';

const globalAveragePool: Rule = (c) => [
  () => {
    const dims = c.dims(0);
    const share = c.b.op('Mul', [c.dy, constant(c.b, c.type(0), 1 / elements(dims.slice(2)))]);
    return expand(c.b, share, c.type(0), c.yDims(), dims);
  },
];

/** Places that tie for the maximum share the gradient evenly. */
const globalMaxPool: Rule = (c) => [
  () => {
    const { b } = c;
    const axes = c
      .dims(0)
      .slice(2)
      .map((_, i) => i + 2);
    const most = cast(b, equal(b, c.x(0), c.y()), c.type(0));
    return b.op('Mul', [most, b.op('Div', [c.dy, reduceSum(b, most, axes, true)])]);
  },
];

export const kernelOf = (c: RuleContext): readonly number[] => {
  const kernel = intsAttribute(c.node, 'kernel_shape');
  if (!kernel) throw new OnnxError('malformed', `${c.node.opType} '${c.node.name}' states no kernel_shape.`);
  return kernel;
};
/** One picture plane of one example each: [N * C, 1, ...spatial]. */
export const planes = (c: RuleContext): number => (c.dims(0)[0] as number) * (c.dims(0)[1] as number);

function floats(type: DataType, dims: readonly number[], values: readonly number[]): Tensor {
  return tensor('', type === 'float64' ? 'float64' : 'float32', dims, values);
}

/**
 * The adjoint of taking the taps apart: [planes, channels, ...output] summed back to where each tap lay, in the input's size.
 * `kernel` [channels, 1, ...kernel] says which channel lies at which tap.
 */
export function putBack(c: RuleContext, w: Window, columns: string, kernel: string): string {
  const { b } = c;
  const whole = b.op('ConvTranspose', [columns, kernel], { strides: w.strides, dilations: w.dilations });
  const axes = w.kernel.map((_, i) => i + 2);
  const ends = w.kernel.map((_, i) => Math.min(reach(w, i), (w.begins[i] as number) + (w.input[i] as number)));
  const cut = slice(b, whole, { starts: w.begins, ends, axes });
  const missing = w.kernel.map((_, i) => (w.begins[i] as number) + (w.input[i] as number) - (ends[i] as number));
  return reshape(b, pad(b, cut, [0, 0, ...w.kernel.map(() => 0), 0, 0, ...missing]), c.dims(0));
}

/**
 * The gradient goes to the first place in row-major order that holds the maximum, as in PyTorch: MaxPool is asked once more, for
 * where the largest lie, and the gradients are added there; before opset 16, which first adds into place, tap by tap.
 */
const maxPool: Rule = (c) => {
  if (c.b.opset < 16) return maxPoolByTaps(c);
  return [
    () => {
      const { b } = c;
      const [count, total] = [elements(c.yDims()), elements(c.dims(0))];
      const attributes = [...c.node.attributes].filter(([name]) => name !== 'storage_order');
      const found = b.ops('MaxPool', [c.x(0)], Object.fromEntries(attributes), { outputs: 2 })[1] as string;
      const places = reshape(b, found, [count, 1]);
      const added = addedRows(b, floatType(c), places, reshape(b, c.dy, [count, 1]), {
        n: count,
        size: total,
        width: 1,
      });
      return reshape(b, added, c.dims(0));
    },
  ];
};

/** The taps are taken apart by a convolution with a constant kernel, the first largest is chosen, the transposed one puts back. */
export const maxPoolByTaps: Rule = (c) => [
  () => {
    const { b } = c;
    const kernel = kernelOf(c);
    const w = windowOf(c, kernel);
    const count = elements(kernel);
    const n = planes(c);
    const type = c.type(0);
    if (type !== 'float32')
      throw new OnnxError('unsupported-type', `The gradient of MaxPool is there for float32, not ${type}.`);
    const identity = Array.from({ length: count * count }, (_, i) => (i % (count + 1) === 0 ? 1 : 0));
    const taps = b.constant(floats(type, [count, 1, ...kernel], identity));
    const x = lowest(c, w, reshape(b, c.x(0), [n, 1, ...w.input]));
    const seen = b.op('Conv', [x, taps], { strides: w.strides, dilations: w.dilations });
    const first = b.op('ArgMax', [seen], { axis: 1, keepdims: 1 });
    const places = b.constant(tensor('', 'int64', [1, count, ...kernel.map(() => 1)], [...Array(count).keys()]));
    const chosen = cast(b, b.op('Equal', [first, places]), type);
    const dy = reshape(b, c.dy, [n, 1, ...w.output]);
    return putBack(c, w, b.op('Mul', [chosen, dy]), taps);
  },
];

/** Padded with numbers that are never the largest; finite, since the kernel's zeros would make infinities no numbers. */
function lowest(c: RuleContext, w: Window, x: string): string {
  const { b } = c;
  const ends = w.kernel.map((_, i) => reach(w, i) - (w.input[i] as number) - (w.begins[i] as number));
  const pads = [0, 0, ...w.begins, 0, 0, ...ends];
  if (pads.every((p) => p === 0)) return x;
  if (b.opset < 11) return b.op('Pad', [x], { pads, value: float(-3e38) });
  const least = constant(b, c.type(0), -3e38);
  return b.op('Pad', [x, b.constant(tensor('', 'int64', [pads.length], pads)), least]);
}

/** Each place gets the share of every window that it lies in; the padding counts where `count_include_pad` says so. */
const averagePool: Rule = (c) => [
  () => {
    const { b } = c;
    const kernel = kernelOf(c);
    const w = windowOf(c, kernel);
    const type = c.type(0);
    const n = planes(c);
    const shares = b.constant(floats(type, [1, 1, ...w.output], windowShares(c, w)));
    const dy = b.op('Mul', [reshape(b, c.dy, [n, 1, ...w.output]), shares]);
    const ones = constant(b, type, 1, [1, 1, ...kernel]);
    return putBack(c, w, dy, ones);
  },
];

/** 1 / (numbers averaged), window by window in row-major order. */
function windowShares(c: RuleContext, w: Window): readonly number[] {
  const padded = intAttribute(c.node, 'count_include_pad', 0) !== 0;
  const stated = intsAttribute(c.node, 'pads');
  const rank = w.kernel.length;
  const counts = w.kernel.map((k, i) => {
    const end = padded
      ? (w.input[i] as number) + (w.begins[i] as number) + (stated?.[i + rank] ?? (w.ends[i] as number))
      : (w.input[i] as number) + (w.begins[i] as number);
    const start = padded ? 0 : (w.begins[i] as number);
    return Array.from({ length: w.output[i] as number }, (_, o) => {
      const from = o * (w.strides[i] as number);
      return Array.from({ length: k }, (_, t) => from + t * (w.dilations[i] as number)).filter(
        (at) => at >= start && at < end,
      ).length;
    });
  });
  return counts
    .reduce<readonly number[]>((all, axis) => all.flatMap((a) => axis.map((n) => a * n)), [1])
    .map((count) => 1 / Math.max(1, count));
}

export const poolingRules: readonly RuleLine[] = [
  ['GlobalAveragePool', 7, NEWEST_OPSET, globalAveragePool],
  ['GlobalMaxPool', 7, NEWEST_OPSET, globalMaxPool],
  ['MaxPool', 7, NEWEST_OPSET, maxPool],
  ['AveragePool', 7, NEWEST_OPSET, averagePool],
];
