import { reduceSum, reshape, slice } from '../emit.js';
import { type Geometry, geometryOf } from '../lower/convolution.js';
import { columnsPay } from '../lower/convolution-forms.js';
import { elements } from '../tensor.js';
import type { Rewrite } from './convolution.js';
import { channelsLast, seen, taps } from './taps.js';
import { firstOf, type Tensors, whole } from './tensors.js';
import { single, unfolded } from './unfolded.js';

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
