import { type AttributeValue, float, NEWEST_OPSET, tensor } from '../../../../../src/onnx/index.js';
import { type Case, ints, unary } from '../../../../support/gradients.js';

const FIRST: Readonly<Record<string, number>> = { half_pixel_symmetric: 19, tf_half_pixel_for_nn: 11 };
const LAST: Readonly<Record<string, number>> = { tf_half_pixel_for_nn: 12 };
type Attributes = Readonly<Record<string, AttributeValue>>;

/** By factors; `to` by sizes instead. Linear and cubic take pictures only. */
const resize = (
  x: readonly number[],
  o: { readonly scales?: readonly number[]; readonly to?: readonly number[]; readonly roi?: readonly number[] },
  attributes: Attributes,
  since = 11,
): Case => {
  const mode = String(attributes.coordinate_transformation_mode ?? '');
  return unary('Resize', {
    name: `Resize [${x}] ${JSON.stringify(o)} ${JSON.stringify(attributes)}`,
    inputs: [x],
    attributes,
    constants: (b) => {
      const list = (values: readonly number[] = []): string =>
        b.constant(tensor('', 'float32', [values.length], values));
      return [list(o.roi), list(o.scales), ...(o.to ? [ints(b, o.to)] : [])];
    },
    opsets: [Math.max(since, FIRST[mode] ?? 11), LAST[mode] ?? NEWEST_OPSET],
  });
};
const PICTURE = [1, 2, 3, 4];
const MODES = ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric', 'half_pixel_symmetric'];

export const resampleCases: readonly Case[] = [
  ...['nearest', 'linear'].flatMap((mode) => [
    unary('Upsample', {
      name: `Upsample ${mode}, factors an attribute`,
      inputs: [PICTURE],
      attributes: { mode, scales: { type: 'floats', value: [1, 1, 2, 1.5] } },
      opsets: [7, 8],
    }),
    unary('Upsample', {
      name: `Upsample ${mode}`,
      inputs: [PICTURE],
      attributes: { mode },
      constants: (b) => [b.constant(tensor('', 'float32', [4], [1, 1, 2, 3]))],
      opsets: [9],
    }),
    unary('Resize', {
      name: `Resize ${mode} of opset 10`,
      inputs: [PICTURE],
      attributes: { mode },
      constants: (b) => [b.constant(tensor('', 'float32', [4], [1, 1, 2, 0.5]))],
      opsets: [10],
    }),
  ]),
  ...['nearest', 'linear', 'cubic'].flatMap((mode) =>
    [...MODES, ...(mode === 'nearest' ? ['tf_half_pixel_for_nn'] : [])].flatMap((coordinate_transformation_mode) => [
      resize(PICTURE, { scales: [1, 1, 2, 2] }, { mode, coordinate_transformation_mode }),
      resize(PICTURE, { scales: [1, 1, 1.7, 0.6] }, { mode, coordinate_transformation_mode }),
      resize(PICTURE, { to: [1, 2, 5, 3] }, { mode, coordinate_transformation_mode }),
    ]),
  ),
  ...['floor', 'ceil', 'round_prefer_floor', 'round_prefer_ceil'].flatMap((nearest_mode) =>
    ['asymmetric', 'half_pixel', 'align_corners'].map((coordinate_transformation_mode) =>
      resize([1, 1, 4, 3], { scales: [1, 1, 2, 3] }, { nearest_mode, coordinate_transformation_mode }),
    ),
  ),
  resize([2, 3, 4], { scales: [2, 1, 3] }, { mode: 'nearest', nearest_mode: 'floor' }),
  resize([1, 1, 2, 3, 2], { scales: [1, 1, 2, 1.5, 2] }, { mode: 'linear' }),
  resize([1, 2, 5], { scales: [1, 1, 2] }, { mode: 'linear' }),
  resize(PICTURE, { scales: [1, 1, 1.5, 2] }, { mode: 'cubic', cubic_coeff_a: float(-0.5), exclude_outside: 1 }),
  ...['linear', 'cubic'].map((mode) => resize([1, 1, 7, 6], { to: [1, 1, 3, 4] }, { mode, antialias: 1 }, 18)),
  resize([1, 1, 4, 5], { to: [6, 4] }, { mode: 'linear', axes: [2, 3] }, 18),
  resize([1, 1, 4, 5], { scales: [0.5, 2] }, { mode: 'nearest', axes: [-1, -2] }, 18),
  resize(
    [1, 1, 4, 5],
    { to: [1, 1, 3, 3], roi: [0, 0, 0.2, 0.3, 1, 1, 0.7, 1.2] },
    { mode: 'linear', coordinate_transformation_mode: 'tf_crop_and_resize', extrapolation_value: float(2) },
  ),
];
