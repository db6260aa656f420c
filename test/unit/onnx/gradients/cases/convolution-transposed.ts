import { type AttributeValue, NEWEST_OPSET } from '../../../../../src/onnx/index.js';
import { type Case, unary } from '../../../../support/gradients.js';
import { random } from '../../../../support/onnx.js';

const transposed = (
  x: readonly number[],
  w: readonly number[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
  first = 7,
): Case => {
  const bias = [(w[1] as number) * Number(attributes.group ?? 1)];
  return unary('ConvTranspose', {
    name: `ConvTranspose [${x}] by [${w}] ${JSON.stringify(attributes)}`,
    inputs: [x, w, bias],
    attributes,
    // Along every one of its numbers the loss is a parabola: no step is too large.
    step: 0.25,
    opsets: [first, NEWEST_OPSET],
  });
};

const DRAWN: readonly Case[] = Array.from({ length: 16 }, (_, seed) => {
  const next = random(9100 + seed);
  const whole = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  const group = whole(1, 3);
  const strides = [whole(1, 3), whole(1, 2)];
  const attributes = {
    group,
    strides,
    dilations: [whole(1, 2), whole(1, 2)],
    pads: [whole(0, 1), whole(0, 1), whole(0, 1), whole(0, 1)],
    output_padding: strides.map((s) => whole(0, s - 1)),
  };
  const x = [whole(1, 2), group * whole(1, 2), whole(3, 5), whole(3, 4)];
  return transposed(x, [x[1] as number, whole(1, 2), whole(2, 3), whole(2, 3)], attributes);
});

export const transposedConvolutionCases: readonly Case[] = [
  transposed([2, 3, 3, 4], [3, 2, 2, 3]),
  transposed([1, 2, 3, 3], [2, 2, 2, 2], { strides: [2, 2] }),
  transposed([1, 2, 3, 3], [2, 2, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] }),
  transposed([2, 4, 3, 3], [4, 1, 3, 3], { group: 4, pads: [1, 1, 1, 1] }),
  transposed([1, 2, 4], [2, 3, 3], { strides: [2] }),
  transposed([1, 2, 2, 3, 2], [2, 1, 2, 2, 2], { strides: [1, 2, 1] }),
  ...['SAME_UPPER', 'SAME_LOWER', 'VALID'].map((auto_pad) =>
    transposed([1, 2, 3, 4], [2, 1, 3, 2], { strides: [2, 2], auto_pad }),
  ),
  ...['NOTSET', 'SAME_UPPER', 'SAME_LOWER'].flatMap((auto_pad) => [
    transposed([1, 2, 3, 3], [2, 1, 3, 4], { strides: [2, 2], auto_pad, output_shape: [6, 5] }),
    transposed([1, 2, 3, 3], [2, 1, 2, 2], { strides: [3, 3], auto_pad, output_shape: [10, 9] }),
  ]),
  ...DRAWN,
];
