import type { DataType, HostTensor } from '../executor.js';
import type { KernelAttribute } from './addon.js';
import { numbersIn } from './host.js';
import { preparedAttributes } from './kernels.js';
import type { Step } from './plan.js';

/** A node of a graph of the library's own, inputs and constants by their names there. */
export interface Call {
  readonly name: string;
  readonly kernel: string;
  readonly attributes: readonly KernelAttribute[];
  readonly types: readonly DataType[];
  readonly inputs: readonly string[];
}
export interface Calls {
  readonly constants: ReadonlyMap<string, HostTensor>;
  readonly calls: readonly Call[];
}
type Kernel = Pick<Step, 'kernel' | 'attributes' | 'types' | 'sizes'>;
/** The numbers of an input that is the same in every run. */
type Numbers = (input: number) => readonly number[];

/** Channels of the input below which a kernel's gradient is faster with the padding made first. */
const NARROW = 128;
/** Channels from which on cutting the padding off an input's gradient costs less than it saves. */
const WIDE = 16;

/**
 * The calls that a step becomes in a graph of the library's own, the last one under the step's name. Explicit paddings are
 * made or cut off by calls of their own where the library (2.18, processors) is wrong or slow with them:
 * - The fused kernel for a depthwise convolution, its bias and its activation forgets the padding and ends the process over it.
 * - oneDNN's gradients of convolutions, depthwise ones too, are taken without explicit paddings only. A depthwise kernel that is a
 *   row and a column longer, of zeros, may lie where the library's own padding puts it: then nothing is to be cut.
 */
export function withPaddingApart(name: string, step: Kernel, inputs: readonly string[], numbers: Numbers): Calls {
  const { kernel, types } = step;
  const pairs = explicitPadding(step);
  const whole = { constants: new Map(), calls: [{ ...step, name, inputs }] };
  if (pairs === null) return whole;
  const bare = { kernel, attributes: withPadding(step.attributes, 'VALID'), types };
  const [first, ...rest] = inputs as [string, ...string[]];
  const constant = (what: string, dims: readonly number[], values: readonly number[]) =>
    [`${name}/${what}`, numbersIn('int32', dims, values)] as const;

  if (kernel.endsWith('BackpropInput')) {
    const sizes = numbers(0);
    const longer = kernel.startsWith('Depthwise') ? lengthened(step, sizes, pairs) : null;
    if (longer !== null) {
      const around = constant('around', [4, 2], [0, longer[0], 0, longer[1], 0, 0, 0, 0]);
      const pad = { kernel: 'Pad', attributes: [], types: [types[1]!, 'int32'] as const };
      const weights = { ...pad, name: `${name}/longer`, inputs: [rest[0]!, around[0]] };
      const attributes = withPadding(step.attributes, 'SAME');
      return {
        constants: new Map([around]),
        calls: [weights, { kernel, attributes, types, name, inputs: [first, weights.name, ...rest.slice(1)] }],
      };
    }
    if (sizes[3]! < WIDE) return whole;
    const padded = sizes.map((size, i) => size + pairs[2 * i]! + pairs[2 * i + 1]!);
    const begins = sizes.map((_, i) => pairs[2 * i]!);
    const [large, begin] = [constant('large', [4], padded), constant('begin', [4], begins)];
    const uncut = { ...bare, name: `${name}/uncut`, inputs: [large[0], ...rest] };
    const cut = { kernel: 'Slice', attributes: [], types: [types[1]!, 'int32'] as const };
    return {
      constants: new Map([large, begin]),
      calls: [uncut, { ...cut, name, inputs: [uncut.name, begin[0], first] }],
    };
  }
  const slow = kernel === 'Conv2DBackpropFilter' ? numbers(1)[2]! < NARROW : kernel.startsWith('Depthwise');
  if (!slow) return whole;
  const around = constant('around', [4, 2], pairs);
  const pad = { kernel: 'Pad', attributes: [], types: [types[0]!, 'int32'] as const };
  const padded = { ...pad, name: `${name}/padded`, inputs: [first, around[0]] };
  return { constants: new Map([around]), calls: [padded, { ...bare, name, inputs: [padded.name, ...rest] }] };
}

/** Before and behind, axis by axis; null where it is none or given by a word. */
function explicitPadding({ attributes }: Kernel): readonly number[] | null {
  const found = attributes.find((a) => a.name === 'explicit_paddings');
  return found === undefined ? null : (found.value as readonly number[]);
}
function withPadding(attributes: readonly KernelAttribute[], padding: 'VALID' | 'SAME'): readonly KernelAttribute[] {
  const others = attributes.filter((a) => a.name !== 'padding' && a.name !== 'explicit_paddings');
  return [...others, ...preparedAttributes('Conv2D', { padding })];
}

/**
 * By how many rows and columns of zeros, none or one, a kernel [height, width, channels, each] is to be longer for the library's own
 * padding (`SAME`) to begin where the explicit one of an input of these sizes does; null where that does not help.
 */
function lengthened(
  { attributes, sizes }: Kernel,
  input: readonly number[],
  pairs: readonly number[],
): readonly [number, number] | null {
  const [, kernel, result] = sizes as readonly (readonly number[])[];
  const along = (what: string, axis: number): number =>
    (attributes.find((a) => a.name === what)?.value as readonly number[] | undefined)?.[axis] ?? 1;
  const more = [1, 2].map((axis) => {
    const [size, places, stride] = [input[axis]!, result![axis]!, along('strides', axis)];
    if (along('dilations', axis) !== 1 || Math.ceil(size / stride) !== places) return null;
    const before = (length: number): number => Math.floor(Math.max((places - 1) * stride + length - size, 0) / 2);
    return [0, 1].find((m) => before(kernel![axis - 1]! + m) === pairs[2 * axis]) ?? null;
  });
  const [rows, columns] = more as [number | null, number | null];
  return rows === null || columns === null ? null : [rows, columns];
}
