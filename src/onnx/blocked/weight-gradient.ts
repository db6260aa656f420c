import { reach, type Window } from '../differentiate/convolution-window.js';
import { pad, reduceSum, reshape, slice } from '../emit.js';
import { type Geometry, geometryOf } from '../lower/convolution.js';
import { columnsPay } from '../lower/convolution-forms.js';
import { elements, tensor } from '../tensor.js';
import type { Rewrite } from './convolution.js';
import { firstOf, type Tensors, whole } from './tensors.js';

/** Kernels above this many places are not taken apart by a constant kernel: the unfolded input would take too much memory. */
const MOST_PLACES = 49;

/** The gradient of a convolution by its weights. */
export const convWeightGradient: Rewrite = (t, node) => {
  const [x, dy] = node.inputs as readonly [string, string];
  const g = geometryOf(node);
  const { out, perGroup, group, w } = g;
  if (w.kernel.length !== 2 || !t.canBlock(dy)) return false;
  const depthwise = group > 1 && perGroup === 1 && out === group;
  if (depthwise && !t.canBlock(x)) return false;
  if (group > 1 && !depthwise) return false;
  const direct = perGroup < t.block && !t.isBlocked(x);
  if (!direct && !t.canBlock(x)) return false;
  const strided = w.strides.some((s) => s > 1);
  if (strided && !direct && !depthwise && t.b.opset < 10) return false;
  if (direct && !depthwise && elements(w.kernel) > MOST_PLACES) return false;
  const dw = depthwise
    ? planes(t, x, dy, g)
    : direct
      ? unfolded(t, x, dy, g)
      : columnsPay({ out, perGroup, ...w })
        ? columns(t, x, dy, g)
        : elements(w.kernel) === 1 && w.strides.every((s) => s === 1) && w.begins.every((p) => p === 0)
          ? single(t, x, dy, g)
          : taps(t, x, dy, g);
  t.setPlain(node.outputs[0] as string, reshape(t.b, dw, [out, perGroup, ...w.kernel]));
  return true;
};

/**
 * Depthwise: examples and channels are all planes of one example, and each is convolved with its own output gradient as the
 * kernel. Blocked kernels lie as blocked tensors do, so nothing moves.
 */
function planes(t: Tensors, x: string, dy: string, { n, out, w }: Geometry): string {
  const { b, block } = t;
  const channels = whole(t, out);
  const count = n * channels;
  const most = w.kernel.map((k, i) => {
    const reach = ((w.output[i] as number) - 1) * (w.strides[i] as number) + (k - 1) * (w.dilations[i] as number) + 1;
    return Math.max(0, reach - (w.input[i] as number) - (w.begins[i] as number));
  });
  const found = w.kernel.map((_, i) => {
    const seen = (w.input[i] as number) + (w.begins[i] as number) + (most[i] as number);
    return (
      Math.floor((seen - ((w.output[i] as number) - 1) * (w.strides[i] as number) - 1) / (w.dilations[i] as number)) + 1
    );
  });
  const input = reshape(b, t.blocked(x), [1, count, ...w.input]);
  const kernel = reshape(b, t.blocked(dy), [count, 1, ...w.output]);
  const all = t.op('Conv', [input, kernel], {
    group: count,
    kernel_shape: w.output,
    strides: w.dilations,
    dilations: w.strides,
    pads: [...w.begins, ...most],
  });
  const rows = reshape(b, all, [n, channels / block, ...found, block]);
  const summed = n === 1 ? reshape(b, rows, [channels / block, ...found, block]) : reduceSum(b, rows, [0], false);
  // Where strides leave a rest of the input over, there are places too many at the end.
  const fits = found.every((d, i) => d === w.kernel[i]);
  const cut = fits ? summed : slice(b, summed, { starts: [0, 0], ends: w.kernel, axes: [1, 2] });
  const turned = b.op('Transpose', [cut], { perm: [0, 3, 1, 2] });
  return firstOf(t, reshape(b, turned, [channels, elements(w.kernel)]), 0, channels, out);
}

/** [n, 1, a, places] times [n, blocks, places, block], summed over the examples: [blocks, a, block]. */
function product(t: Tensors, left: string, right: string, n: number, size: readonly number[]): string {
  const each = t.b.op('MatMul', [left, right]);
  return n === 1 ? reshape(t.b, each, size) : reduceSum(t.b, each, [0], false);
}

/** A kernel of one place: of x and dy one stays blocked and the other, the narrower if neither is plain, is made plain. */
function single(t: Tensors, x: string, dy: string, { n, out, perGroup, w }: Geometry): string {
  const { b, block } = t;
  const places = elements(w.output);
  const rows = (name: string, channels: number): string => reshape(b, t.plain(name), [n, 1, channels, places]);
  const blocks = (name: string, channels: number): string =>
    reshape(b, t.blocked(name), [n, whole(t, channels) / block, places, block]);
  const [ins, outs] = [whole(t, perGroup), whole(t, out)];
  if (perGroup <= out) {
    const dw = product(t, rows(x, perGroup), blocks(dy, out), n, [outs / block, perGroup, block]);
    const turned = b.op('Transpose', [dw], { perm: [0, 2, 1] });
    return firstOf(t, reshape(b, turned, [outs, perGroup]), 0, outs, out);
  }
  const dw = product(t, rows(dy, out), blocks(x, perGroup), n, [ins / block, out, block]);
  const turned = b.op('Transpose', [dw], { perm: [1, 0, 2] });
  return firstOf(t, reshape(b, turned, [out, ins]), 1, ins, perGroup);
}

/** What each place of the kernel saw of `[rows, height, width, channels]`, once padded: `[rows, ...output, channels]`, row by row. */
function seen(t: Tensors, x: string, w: Window): readonly string[] {
  const { b } = t;
  const ends = w.kernel.map((_, i) => reach(w, i) - (w.input[i] as number) - (w.begins[i] as number));
  const padded = pad(b, x, [0, ...w.begins, 0, 0, ...ends, 0]);
  const [down, right] = w.kernel as [number, number];
  return Array.from({ length: down * right }, (_, tap) => {
    const at = [Math.floor(tap / right), tap % right].map((k, i) => k * (w.dilations[i] as number));
    const tapEnds = at.map((from, i) => from + ((w.output[i] as number) - 1) * (w.strides[i] as number) + 1);
    const steps = w.strides.some((s) => s > 1) ? { steps: w.strides } : {};
    const all = at.every((from, i) => from === 0 && tapEnds[i] === reach(w, i));
    return all && !steps.steps ? padded : slice(b, padded, { starts: at, ends: tapEnds, axes: [1, 2], ...steps });
  });
}

/** For every place of the kernel one product of the output's gradient with what the place saw of the padded input, channels last. */
function taps(t: Tensors, x: string, dy: string, g: Geometry): string {
  const { b } = t;
  const { n, out, perGroup, w } = g;
  const [ins, count] = [whole(t, perGroup), elements(w.kernel)];
  const products = pairs(t, x, dy, g).map(([left, right]) => {
    const each = b.op('MatMul', [left, right]);
    return reshape(b, n === 1 ? each : reduceSum(b, each, [0], false), [out, ins, 1]);
  });
  const together = products.length === 1 ? (products[0] as string) : b.op('Concat', products, { axis: 2 });
  return firstOf(t, reshape(b, together, [out, ins, count]), 1, ins, perGroup);
}

/** For every place of the kernel [n, out, places] of the output's gradient and [n, places, ins] of the input, to be multiplied. */
function pairs(t: Tensors, x: string, dy: string, g: Geometry): readonly (readonly [string, string])[] {
  const { b } = t;
  const { n, out, perGroup, w } = g;
  const ins = whole(t, perGroup);
  const input = channelsLast(t, x, n, ins, w.input);
  if (w.strides.every((s) => s === 1)) return shifted(t, input, t.plain(dy), g);
  const places = elements(w.output);
  const left = reshape(b, t.plain(dy), [n, out, places]);
  return seen(t, input, w).map((part) => [left, reshape(b, part, [n, places, ins])] as const);
}

/**
 * Without strides a place of the kernel sees the input shifted down and to the right. The gradient is shifted the other way down
 * and the input to the right: copies for each row and each column of the kernel instead of one for each of its places.
 */
function shifted(t: Tensors, input: string, dy: string, { n, out, perGroup, w }: Geometry) {
  const { b } = t;
  const ins = whole(t, perGroup);
  const [[height, width], [tall, wide]] = [w.input, w.output] as [[number, number], [number, number]];
  const by = (axis: 0 | 1): readonly number[] =>
    Array.from(
      { length: w.kernel[axis] as number },
      (_, k) => k * (w.dilations[axis] as number) - (w.begins[axis] as number),
    );
  const gradients = by(0).map((d) =>
    reshape(b, pad(b, dy, [0, 0, d, 0, 0, 0, height - tall - d, 0]), [n, out, height * wide]),
  );
  const inputs = by(1).map((d) =>
    reshape(b, pad(b, input, [0, 0, -d, 0, 0, 0, wide - width + d, 0]), [n, height * wide, ins]),
  );
  return gradients.flatMap((left) => inputs.map((right) => [left, right] as const));
}

/** [n, ...size, channels], from blocks. */
function channelsLast(t: Tensors, name: string, n: number, channels: number, size: readonly number[]): string {
  const last = t.op('ReorderOutput', [t.blocked(name)], { channels, channels_last: 1 });
  return reshape(t.b, last, [n, ...size, channels]);
}

/**
 * [channels, n * places], from blocks: the left side of a product that need not be turned in it. onnxruntime's product with a turned
 * left side packs it anew for each stretch of columns and takes 8 to 28 % longer than this way to the same numbers.
 */
function channelRows(t: Tensors, name: string, n: number, channels: number, size: readonly number[]): string {
  const { b, block } = t;
  const places = elements(size);
  const split = reshape(b, t.blocked(name), [n, channels / block, places * block]);
  const gathered = n === 1 ? split : b.op('Transpose', [split], { perm: [1, 0, 2] });
  const plain = t.op('ReorderOutput', [reshape(b, gathered, [1, channels, n * places, 1])], { channels });
  return reshape(b, plain, [channels, n * places]);
}

/** [rows, places, channels] as [rows, channels, places], by way of blocks: faster than a transposition. */
function channelsFirst(t: Tensors, x: string, [rows, places, channels]: readonly [number, number, number]): string {
  if (places === 1) return reshape(t.b, x, [rows, channels, 1]);
  const blocked = t.op('ReorderInput', [reshape(t.b, x, [rows, places, 1, channels])], { channels_last: 1 });
  return reshape(t.b, t.op('ReorderOutput', [blocked], { channels }), [rows, channels, places]);
}

/** Channels last: what all places saw lies side by side in the rows of one matrix, for one product over all examples. */
function columns(t: Tensors, x: string, dy: string, { n, out, perGroup, w }: Geometry): string {
  const { b } = t;
  const [places, ins, outs, count] = [elements(w.output), whole(t, perGroup), whole(t, out), elements(w.kernel)];
  const parts = seen(t, channelsLast(t, x, n, ins, w.input), w);
  const all = parts.length === 1 ? (parts[0] as string) : b.op('Concat', parts, { axis: 3 });
  const rows = reshape(b, all, [n * places, count * ins]);
  const dw = b.op('MatMul', [channelRows(t, dy, n, outs, w.output), rows]);
  const turned = channelsFirst(t, dw, [outs, count, ins]);
  return firstOf(t, firstOf(t, turned, 0, outs, out), 1, ins, perGroup);
}

/**
 * An input of few channels: what all places saw, unfolded by a convolution with a constant kernel, in one product. The
 * unfolded input comes in blocks and the output's gradient plain, or the other way round, whichever moves less.
 */
function unfolded(t: Tensors, x: string, dy: string, g: Geometry): string {
  const { n, out, perGroup, w } = g;
  if (perGroup * elements(w.kernel) > out) return unfoldedInBlocks(t, x, dy, g);
  const { b, block } = t;
  const [places, outs, count] = [elements(w.output), whole(t, out), elements(w.kernel)];
  const identity = Array.from({ length: count * count }, (_, i) => (i % (count + 1) === 0 ? 1 : 0));
  const input = reshape(b, t.plain(x), [n * perGroup, 1, ...w.input]);
  const columns = b.op('Conv', [input, b.constant(tensor('', 'float32', [count, 1, ...w.kernel], identity))], {
    kernel_shape: w.kernel,
    strides: w.strides,
    dilations: w.dilations,
    pads: [...w.begins, ...w.ends],
  });
  const left = reshape(b, columns, [n, 1, perGroup * count, places]);
  const right = reshape(b, t.blocked(dy), [n, outs / block, places, block]);
  const dw = product(t, left, right, n, [outs / block, perGroup * count, block]);
  const turned = b.op('Transpose', [dw], { perm: [0, 2, 1] });
  return firstOf(t, reshape(b, turned, [outs, perGroup * count]), 0, outs, out);
}

function unfoldedInBlocks(t: Tensors, x: string, dy: string, { n, out, perGroup, w }: Geometry): string {
  const { b, block } = t;
  const [places, count] = [elements(w.output), elements(w.kernel)];
  const filled = whole(t, count);
  // As kernels of an input that stays plain lie: filled / block, 1, places of the kernel, block.
  const identity = new Float32Array(filled * count);
  for (let k = 0; k < count; k++) identity[(Math.floor(k / block) * count + k) * block + (k % block)] = 1;
  const input = reshape(b, t.plain(x), [n * perGroup, 1, ...w.input]);
  const kernel = b.constant(tensor('', 'float32', [filled, 1, ...w.kernel], identity));
  const columns = t.op('Conv', [input, kernel], {
    kernel_shape: w.kernel,
    strides: w.strides,
    dilations: w.dilations,
    pads: [...w.begins, ...w.ends],
    group: 1,
  });
  const blocks = (perGroup * filled) / block;
  const right = reshape(b, columns, [n, blocks, places, block]);
  const left = reshape(b, t.plain(dy), [n, 1, out, places]);
  const turned = b.op('Transpose', [product(t, left, right, n, [blocks, out, block])], { perm: [1, 0, 2] });
  return firstOf(t, reshape(b, turned, [out, perGroup, filled]), 2, filled, count);
}
