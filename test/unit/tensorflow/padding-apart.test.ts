import { describe, expect, it } from 'vitest';
import { preparedAttributes } from '../../../workers/executors/tensorflow/kernels.js';
import { withPaddingApart } from '../../../workers/executors/tensorflow/padding-apart.js';

const PAIRS = [0, 0, 1, 2, 3, 4, 0, 0];
/** The calls of one with the constant numbers of its inputs, and what else they read. */
function made(
  kernel: string,
  padding: object,
  constants: Readonly<Record<number, readonly number[]>>,
  sizes: readonly (readonly number[])[] = [[], [3, 3, 16, 1], [8, 6, 13, 16]],
) {
  const attributes = preparedAttributes(kernel, { strides: [1, 2, 2, 1], data_format: 'NHWC', ...padding });
  const types = ['float32', 'int32', 'float32'] as const;
  const step = {
    kernel,
    attributes,
    sizes,
    types: kernel.endsWith('BackpropInput') ? (['int32', 'float32'] as const) : types,
  };
  const { calls, constants: own } = withPaddingApart('step7', step, ['a:0', 'b:0', 'c:0'], (i) => constants[i]!);
  return {
    calls: calls.map((c) => [c.name, c.kernel, c.attributes.find((a) => a.name === 'padding')?.value, ...c.inputs]),
    constants: Object.fromEntries([...own].map(([name, t]) => [name, Array.from(t.data as Int32Array)])),
  };
}
const EXPLICIT = { padding: 'EXPLICIT', explicit_paddings: PAIRS };

describe('explicit paddings in graphs of the library’s own', () => {
  it('are made before the gradient of a kernel over few channels and before depthwise convolutions and theirs', () => {
    const around = { 'step7/around': PAIRS };
    const padded = ['step7/padded', 'Pad', undefined, 'a:0', 'step7/around'];
    expect(made('Conv2DBackpropFilter', EXPLICIT, { 1: [3, 3, 64, 128] })).toEqual({
      calls: [padded, ['step7', 'Conv2DBackpropFilter', 'VALID', 'step7/padded', 'b:0', 'c:0']],
      constants: around,
    });
    expect(made('DepthwiseConv2dNative', EXPLICIT, {})).toEqual({
      calls: [padded, ['step7', 'DepthwiseConv2dNative', 'VALID', 'step7/padded', 'b:0', 'c:0']],
      constants: around,
    });
    const filter = 'DepthwiseConv2dNativeBackpropFilter';
    expect(made(filter, EXPLICIT, { 1: [3, 3, 256, 1] })).toEqual({
      calls: [padded, ['step7', filter, 'VALID', 'step7/padded', 'b:0', 'c:0']],
      constants: around,
    });
  });

  it.each([
    'Conv2DBackpropInput',
    'DepthwiseConv2dNativeBackpropInput',
  ])('are cut off the gradient of an input of many channels: %s', (kernel) => {
    expect(made(kernel, EXPLICIT, { 0: [8, 10, 20, 16] })).toEqual({
      calls: [
        ['step7/uncut', kernel, 'VALID', 'step7/large', 'b:0', 'c:0'],
        ['step7', 'Slice', undefined, 'step7/uncut', 'step7/begin', 'a:0'],
      ],
      constants: { 'step7/large': [8, 13, 27, 16], 'step7/begin': [0, 1, 3, 0] },
    });
  });

  it.each([
    { kernel: [3, 3], input: [10, 20], pairs: [1, 1, 1, 1], result: [5, 10], longer: [1, 1] },
    { kernel: [5, 3], input: [12, 11], pairs: [2, 2, 1, 1], result: [6, 6], longer: [1, 0] },
    { kernel: [3, 3], input: [10, 20], pairs: [0, 2, 1, 1], result: [5, 10], longer: [0, 1] },
  ])('of a depthwise kernel become a row or column of zeros where that is enough: %o', (o) => {
    const kernel = 'DepthwiseConv2dNativeBackpropInput';
    const given = { padding: 'EXPLICIT', explicit_paddings: [0, 0, ...o.pairs, 0, 0] };
    const sizes = [[4], [...o.kernel, 16, 1], [8, ...o.result, 16]];
    expect(made(kernel, given, { 0: [8, ...o.input, 16] }, sizes)).toEqual({
      calls: [
        ['step7/longer', 'Pad', undefined, 'b:0', 'step7/around'],
        ['step7', kernel, 'SAME', 'a:0', 'step7/longer', 'c:0'],
      ],
      constants: { 'step7/around': [0, o.longer[0], 0, o.longer[1], 0, 0, 0, 0] },
    });
  });

  it('are cut where a longer kernel would begin elsewhere', () => {
    const kernel = 'DepthwiseConv2dNativeBackpropInput';
    const given = { padding: 'EXPLICIT', explicit_paddings: [0, 0, 2, 0, 1, 1, 0, 0] };
    const { calls } = made(kernel, given, { 0: [8, 10, 20, 16] }, [[4], [3, 3, 16, 1], [8, 5, 10, 16]]);
    expect(calls.map((c) => c[1])).toEqual([kernel, 'Slice']);
  });

  it.each([
    ['Conv2DBackpropFilter', EXPLICIT, { 1: [3, 3, 128, 8] }],
    ['Conv2DBackpropInput', EXPLICIT, { 0: [8, 10, 20, 3] }],
    ['Conv2DBackpropFilter', { padding: 'SAME' }, {}],
    ['Conv2DBackpropInput', { padding: 'VALID' }, {}],
    ['Conv2D', EXPLICIT, {}],
  ] as const)('stay elsewhere: %s, %o', (kernel, padding, constants) => {
    expect(made(kernel, padding, constants)).toEqual({
      calls: [['step7', kernel, padding.padding, 'a:0', 'b:0', 'c:0']],
      constants: {},
    });
  });
});
