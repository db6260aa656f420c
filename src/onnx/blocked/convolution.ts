import { intAttribute } from '../attributes.js';
import { reshape, slice } from '../emit.js';
import { geometryOf } from '../lower/convolution.js';
import { spreadingPays } from '../lower/convolution-forms.js';
import { tensor } from '../tensor.js';
import type { Attribute, Node } from '../types.js';
import { directKernel, fullKernel, planeKernel, turnedKernel } from './kernels.js';
import { activationBehind, perChannel, type Tensors, whole } from './tensors.js';

/** Rewrites a node in blocked tensors, or leaves it and answers false. */
export type Rewrite = (t: Tensors, node: Node) => boolean;

const GEOMETRY = ['kernel_shape', 'strides', 'dilations', 'pads', 'auto_pad'];

/** Groups are either one or as many as channels; others stay plain. */
export const conv: Rewrite = (t, node) => {
  const [x, w, bias] = node.inputs as readonly [string, string, string | undefined];
  const [xDims, size] = [t.dims(x), t.dims(w)];
  if (xDims?.length !== 4 || size?.length !== 4 || t.type(x) !== 'float32') return false;
  if (t.dims(node.outputs[0] as string) === null) return false;
  const [out, perGroup, height, width] = size as [number, number, number, number];
  const group = intAttribute(node, 'group', 1);
  const depthwise = group > 1 && perGroup === 1 && out === group;
  const direct = group === 1 && perGroup < t.block && !t.isBlocked(x);
  if ((group > 1 && !depthwise) || out % 4 !== 0 || !(direct || t.canBlock(x))) return false;
  const kernel = depthwise ? planeKernel : direct ? directKernel : fullKernel;
  const fused = activationBehind(t, node.outputs[0] as string);
  const geometry: Record<string, Attribute> = {};
  for (const name of GEOMETRY) {
    const given = node.attributes.get(name);
    if (given) geometry[name] = given;
  }
  const y = t.op(
    'Conv',
    [
      direct ? t.plain(x) : t.blocked(x),
      kernel(t, w, [out, perGroup, height, width]),
      ...(bias ? [perChannel(t, bias, out)] : []),
    ],
    { ...geometry, group: depthwise ? whole(t, out) : 1, ...fused.attributes },
  );
  t.setBlocked(fused.output, y);
  return true;
};

/**
 * A convolution of the output's gradient with the kernel turned round. Strides put zeros between the gradient's places first,
 * where that pays; of a kernel of one place they are put between the results.
 */
export const convInputGradient: Rewrite = (t, node) => {
  const [dy, weight] = node.inputs as readonly [string, string];
  const { n, out, perGroup, group, w } = geometryOf(node);
  const depthwise = group > 1 && perGroup === 1 && out === group;
  const channels = perGroup * group;
  if (w.kernel.length !== 2 || (group > 1 && !depthwise) || channels % 4 !== 0 || !t.canBlock(dy)) return false;
  const [height, width] = w.kernel as [number, number];
  const strided = w.strides.some((s) => s > 1);
  const point = height === 1 && width === 1;
  if (strided && point && w.begins.some((p) => p > 0)) return false;
  if (strided && !point && !(depthwise && spreadingPays(w.input))) return false;
  const spread = w.output.map((d, i) => (strided && !point ? d * (w.strides[i] as number) : d));
  const span = w.kernel.map((k, i) => (k - 1) * (w.dilations[i] as number));
  const begins = span.map((s, i) => s - (w.begins[i] as number));
  const sizes = strided && point ? w.output : w.input;
  const ends = span.map((s, i) => (sizes[i] as number) - (spread[i] as number) - (begins[i] as number) + s);
  if ([...begins, ...ends].some((p) => p < 0)) return false;
  const kernel = depthwise
    ? planeKernel(t, weight, [out, 1, height, width], true)
    : turnedKernel(t, weight, [out, perGroup, height, width]);
  const from = strided && !point ? apart(t, t.blocked(dy), n, whole(t, out), w.output, w.strides) : t.blocked(dy);
  const dx = t.op('Conv', [from, kernel], {
    kernel_shape: w.kernel,
    dilations: w.dilations,
    pads: [...begins, ...ends],
    group: depthwise ? whole(t, out) : 1,
  });
  const rest = strided && point ? apart(t, dx, n, whole(t, channels), w.output, w.strides, w.input) : dx;
  t.setBlocked(node.outputs[0] as string, rest);
  return true;
};

/** Zeros between the places: [N, C, H, W] becomes [N, C, H sh, W sw], or the sizes given. */
function apart(
  t: Tensors,
  x: string,
  n: number,
  channels: number,
  [h, w]: readonly number[],
  [sh, sw]: readonly number[],
  to?: readonly number[],
): string {
  const { b, block } = t;
  const [height, width, down, right] = [h as number, w as number, sh as number, sw as number];
  const planes = (n * channels) / block;
  // A product with ones and zeros: unlike Pad it runs on all threads.
  const mask = Array.from({ length: down * right }, (_, i) => (i === 0 ? 1 : 0));
  const spread = b.op('Mul', [
    reshape(b, x, [planes * height, 1, width, 1, block]),
    b.constant(tensor('', 'float32', [down, 1, right, 1], mask)),
  ]);
  const [tall, wide] = (to ?? [height * down, width * right]) as [number, number];
  if (tall === height * down && wide === width * right) return reshape(b, spread, [n, channels, tall, wide]);
  const rows = reshape(b, spread, [planes, height * down, width * right, block]);
  const cut = slice(b, rows, { starts: [0, 0], ends: [tall, wide], axes: [1, 2] });
  return reshape(b, cut, [n, channels, tall, wide]);
}
