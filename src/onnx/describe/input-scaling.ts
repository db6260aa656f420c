import { constantNumbers, consumers, producers } from '../graph.js';
import type { Graph } from '../types.js';

/** What a graph does to a pixel before anything else: x * factor + offset, by channel or one for all. */
interface Affine {
  readonly factor: readonly number[];
  readonly offset: readonly number[];
}
const IDENTITY: Affine = { factor: [1], offset: [0] };

/** Layers that move or cast pixels and compute nothing of them. */
const CARRIES = new Set(['Cast', 'Transpose', 'Identity']);

/**
 * The range that a graph takes pixels in, where it prepares them itself as its first step (Keras' Rescaling and Normalization,
 * a wrapper around a PyTorch model): 'bytes' for 0 to 255, 'unit' for 0 to 1. Null where it does no such thing, or where its
 * numbers are none that a preparation has (a trained first layer, say).
 */
export function scalingRange(graph: Graph, input: string): 'bytes' | 'unit' | null {
  const found = firstScaling(graph, input);
  if (found === IDENTITY) return null;
  // The mean colour taken off, and no more: networks of Caffe's time.
  if (pairs(found).every(([factor, offset]) => factor === 1 && offset <= -80 && offset >= -140)) return 'bytes';
  // Networks are fed numbers of about -1 to 1, or with a deviation of about one: a range of 1 to 6, which 0 lies in or bounds.
  const prepared = (span: number): boolean =>
    pairs(found).every(([factor, offset]) => {
      const [least, most] = [Math.min(offset, offset + span * factor), Math.max(offset, offset + span * factor)];
      return most - least >= 0.99 && most - least <= 6 && least <= 0.01 && most >= 0;
    });
  if (prepared(255)) return 'bytes';
  const moved = pairs(found).every(([, offset]) => offset < 0);
  return moved && prepared(1) ? 'unit' : null;
}

/** Follows the input through arithmetic with constants, as far as nothing else reads what lies between. */
function firstScaling(graph: Graph, input: string): Affine {
  const made = producers(graph);
  const readers = consumers(graph);
  let [at, affine] = [input, IDENTITY];
  for (;;) {
    const [node, ...others] = readers.get(at) ?? [];
    if (node === undefined || others.length > 0 || node.domain !== '' || node.outputs.length !== 1) return affine;
    if (!CARRIES.has(node.opType)) {
      const place = node.inputs.indexOf(at);
      const numbers = node.inputs.length === 2 ? constantNumbers(graph, made, node.inputs[1 - place]!) : null;
      const next = numbers && numbers.length <= 4 ? applied(affine, node.opType, numbers, place === 0) : null;
      if (next === null) return affine;
      affine = next;
    }
    at = node.outputs[0]!;
  }
}

function applied({ factor, offset }: Affine, operator: string, by: readonly number[], first: boolean): Affine | null {
  switch (operator) {
    case 'Mul':
      return { factor: zipped(factor, by, (x, y) => x * y), offset: zipped(offset, by, (x, y) => x * y) };
    case 'Div':
      if (!first) return null;
      return { factor: zipped(factor, by, (x, y) => x / y), offset: zipped(offset, by, (x, y) => x / y) };
    case 'Add':
      return { factor, offset: zipped(offset, by, (x, y) => x + y) };
    case 'Sub':
      if (!first) return null;
      return { factor, offset: zipped(offset, by, (x, y) => x - y) };
    default:
      return null;
  }
}

/** Element by element, where one stands for all. */
const zipped = <T>(a: readonly number[], b: readonly number[], of: (x: number, y: number) => T): readonly T[] =>
  Array.from({ length: Math.max(a.length, b.length) }, (_, i) => of(a[i % a.length]!, b[i % b.length]!));

const pairs = ({ factor, offset }: Affine) => zipped(factor, offset, (x, y) => [x, y] as const);
