import { NEWEST_OPSET } from '../../../../../src/onnx/index.js';
import { type Case, unary } from '../../../../support/gradients.js';
import { random } from '../../../../support/onnx.js';

const conv = (name: string, x: number[], w: number[], attributes: Record<string, unknown>, bias = true): Case =>
  unary('Conv', {
    name: `Conv ${name}`,
    inputs: bias ? [x, w, [w[0] as number]] : [x, w],
    attributes: attributes as NonNullable<Case['attributes']>,
    opsets: [7, NEWEST_OPSET],
    dataType: 'float32',
    step: 0.25,
  });

const FIXED: readonly Case[] = [
  conv('3x3', [2, 2, 4, 5], [3, 2, 3, 3], { pads: [1, 1, 1, 1] }),
  conv('1x1', [2, 3, 3, 4], [2, 3, 1, 1], {}),
  conv('1x1 strided', [2, 3, 4, 5], [2, 3, 1, 1], { strides: [2, 2] }),
  conv('strides that leave a rest', [1, 2, 6, 7], [2, 2, 3, 2], { strides: [2, 3], pads: [0, 1, 1, 0] }),
  conv('dilated', [1, 2, 6, 6], [2, 2, 2, 3], { dilations: [2, 2], pads: [2, 0, 0, 1] }),
  conv('depthwise', [2, 3, 4, 4], [3, 1, 3, 3], { group: 3, pads: [1, 1, 1, 1] }),
  conv('depthwise strided', [2, 3, 5, 5], [3, 1, 3, 3], { group: 3, pads: [1, 1, 1, 1], strides: [2, 2] }),
  conv('depth multiplier', [1, 2, 4, 4], [4, 1, 3, 3], { group: 2, pads: [1, 1, 1, 1] }),
  conv('grouped', [2, 4, 3, 3], [6, 2, 2, 2], { group: 2 }),
  conv('no bias', [1, 1, 4, 4], [2, 1, 3, 3], {}, false),
  conv('SAME_UPPER', [1, 2, 5, 6], [2, 2, 2, 3], { auto_pad: 'SAME_UPPER', strides: [2, 2] }),
  conv('SAME_LOWER', [1, 2, 5, 6], [2, 2, 2, 3], { auto_pad: 'SAME_LOWER', strides: [2, 2] }),
  conv('VALID', [1, 2, 5, 6], [2, 2, 2, 3], { auto_pad: 'VALID' }),
  conv('one axis', [2, 2, 7], [3, 2, 3], { strides: [2], pads: [1, 0] }),
  conv('three axes', [1, 2, 3, 4, 3], [2, 2, 2, 2, 2], { pads: [0, 1, 0, 1, 0, 1] }),
];

const RANDOM: readonly Case[] = Array.from({ length: 24 }, (_, seed) => {
  const next = random(7000 + seed);
  const whole = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  const group = whole(1, 3);
  const [perIn, perOut] = [whole(1, 2), whole(1, 2)];
  const kernel = [whole(1, 3), whole(1, 3)];
  const attributes = {
    group,
    strides: [whole(1, 3), whole(1, 2)],
    dilations: [whole(1, 2), whole(1, 2)],
    pads: [whole(0, 2), whole(0, 1), whole(0, 1), whole(0, 2)],
  };
  return conv(
    `drawn ${JSON.stringify(attributes)}`,
    [whole(1, 2), group * perIn, whole(5, 7), whole(5, 7)],
    [group * perOut, perIn, ...kernel],
    attributes,
    next() < 0.5,
  );
});

export const convolutionCases: readonly Case[] = [...FIXED, ...RANDOM];
