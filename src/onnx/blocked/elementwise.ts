import { reshape } from '../emit.js';
import { elements } from '../tensor.js';
import type { Rewrite } from './convolution.js';
import { perChannel, type Tensors, whole } from './tensors.js';

/** Operators that do to each number the same, and that of a finite number (the added channels') never make one that is not. */
export const ELEMENTWISE: readonly string[] =
  'Abs Add And Cast Ceil Clip Elu Erf Floor Gelu Greater HardSigmoid HardSwish Identity LeakyRelu Less Max Min Mul Neg Not Or Relu Round Sigmoid Sign Softplus Softsign Sub Sum Tanh Where'.split(
    ' ',
  );

type Operand = { readonly kind: 'map' | 'scalar' | 'channels' | 'cells'; readonly name: string };

/**
 * Numbers at the same place of blocked tensors lie at the same place. One number goes with any layout; numbers per channel
 * ([C, 1, 1]) and per example and channel ([N, C, 1, 1]) are stretched over [N, C / block, H W, block].
 */
export const elementwise: Rewrite = (t, node) => {
  const output = node.outputs[0] as string;
  const [dims, type] = [t.dims(output), t.type(output)];
  if (dims?.length !== 4 || (type !== 'float32' && type !== 'bool')) return false;
  const [n, c, h, w] = dims as [number, number, number, number];
  if (c % 4 !== 0 || !node.inputs.some((name) => t.isBlocked(name) && t.dims(name)?.join() === dims.join()))
    return false;
  const operands: Operand[] = [];
  for (const given of node.inputs) {
    // What is stretched for this node is taken as it was: stretched here, it is not stored.
    const narrow = t.beforeExpand(given);
    const name = narrow !== null && t.dims(narrow)?.join() === [n, c, 1, 1].join() ? narrow : given;
    const size = name === '' ? [] : t.dims(name);
    if (size === null) return false;
    if (size.join() === dims.join()) {
      if (!t.canBlock(name)) return false;
      operands.push({ kind: 'map', name });
    } else if (elements(size) === 1) operands.push({ kind: 'scalar', name });
    else if (t.type(name) !== 'float32') return false;
    else if (/^(1,)?\d+,1,1$/.test(size.join()) && elements(size) === c) operands.push({ kind: 'channels', name });
    else if (size.join() === [n, c, 1, 1].join()) operands.push({ kind: 'cells', name });
    else return false;
  }
  const stretched = operands.some((o) => o.kind === 'channels' || o.kind === 'cells');
  const size = [n, whole(t, c) / t.block, h * w, t.block];
  const inputs = operands.map((o) => operand(t, o, stretched ? size : null, c));
  const y = t.b.op(node.opType, inputs, Object.fromEntries(node.attributes));
  t.setBlocked(output, stretched ? reshape(t.b, y, [n, whole(t, c), h, w]) : y);
  return true;
};

function operand(t: Tensors, o: Operand, size: readonly number[] | null, channels: number): string {
  if (o.kind === 'scalar') return o.name === '' ? '' : one(t, o.name);
  if (o.kind === 'map') return size === null ? t.blocked(o.name) : reshape(t.b, t.blocked(o.name), size);
  const [n, blocks, , block] = size as [number, number, number, number];
  if (o.kind === 'cells') return reshape(t.b, t.blocked(o.name), [n, blocks, 1, block]);
  return reshape(t.b, perChannel(t, o.name, channels), [1, blocks, 1, block]);
}

/** One number of whatever rank the old graph gave it. */
const one = (t: Tensors, name: string): string => {
  const rank = t.dims(name)?.length ?? 0;
  return rank <= 4 ? t.plain(name) : reshape(t.b, t.plain(name), [1]);
};
