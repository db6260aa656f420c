import { intAttribute } from '../attributes.js';
import type { Attribute, Node } from '../types.js';
import { directKernel, fullKernel, planeKernel } from './kernels.js';
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
