import type { Preprocessing } from '../../../src/domain/types.js';
import { channelsOf } from '../../../src/tasks/image-classification/pixel-input.js';
import { decodeImage, decodeScaled } from '../decode.js';
import type { Rgb } from './colour.js';
import type { Plane } from './geometry.js';

/** A decoded picture, upright and in sRGB: uint8 [height, width, channels], RGB or one grey. */
export interface Picture extends Plane {
  /** Mean colour, 0 to 255; for grey pictures three times the mean. */
  readonly mean: Rgb;
}

/**
 * The picture as random views are cut from it: whole, its short side `shortSide` pixels (less where the original has less),
 * or, for `shortSide` null, exactly as evaluation sees it (`decodeImage`).
 *
 * @throws GraftError `input-invalid` that says what is wrong with the picture.
 */
export async function decodePicture(bytes: Uint8Array, p: Preprocessing, shortSide: number | null): Promise<Picture> {
  const channels = channelsOf(p);
  if (shortSide === null) {
    const data = await decodeImage(bytes, p);
    return { data, width: p.crop, height: p.crop, channels, mean: meanColour(data, channels) };
  }
  const { data, width, height } = await decodeScaled(bytes, { short: shortSide, enlarge: false, crop: null, channels });
  return { data, width, height, channels, mean: meanColour(data, channels) };
}

/** Of about 4,000 pixels spread over the picture: to half a grey level, in a few microseconds. */
function meanColour(data: Uint8Array, channels: number): Rgb {
  const pixels = data.length / channels;
  const step = Math.max(1, Math.floor(pixels / 4096));
  const sums: [number, number, number] = [0, 0, 0];
  let count = 0;
  for (let i = 0; i < pixels; i += step, count++) {
    sums[0] += data[i * channels]!;
    sums[1] += data[i * channels + (channels === 1 ? 0 : 1)]!;
    sums[2] += data[i * channels + (channels === 1 ? 0 : 2)]!;
  }
  return [sums[0] / count, sums[1] / count, sums[2] / count];
}
