import sharp, { type Sharp } from 'sharp';
import type { Preprocessing } from '../../src/domain/types.js';
import { GraftError } from '../../src/errors.js';
import { imageProblem } from './image-problem.js';
import { embedsPlainSrgb } from './srgb-profile.js';

// Parallelism comes from many images in flight on libuv's threads, one thread each; a cache would only hold memory.
sharp.concurrency(1);
sharp.cache(false);
// Only loaders of plain pixel formats: SVG, PDF and the like run interpreters on untrusted input.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Tiff', 'Heif'].map((format) => `VipsForeignLoad${format}`),
});

/** Enough for any camera; a picture of more is a bomb or a map. */
export const MAX_PIXELS = 120_000_000;
const READ = { failOn: 'error', limitInputPixels: MAX_PIXELS, sequentialRead: true, pages: 1 } as const;

/** Throws `input-invalid` whose one item has the code of `imageProblem`. */
export function decodeError(bytes: Uint8Array, error: unknown): GraftError {
  const item = { path: '', ...imageProblem(bytes, error) };
  return new GraftError('input-invalid', item.detail, { errors: [item], cause: error });
}

/**
 * Upright (EXIF), in sRGB (embedded profiles, CMYK, 16 bit and palettes converted), transparency laid on white, first
 * frame of an animation.
 */
function upright(bytes: Uint8Array): Sharp {
  return sharp(bytes, { ...READ, ignoreIcc: embedsPlainSrgb(bytes) })
    .autoOrient()
    .flatten({ background: '#ffffff' });
}

/**
 * The picture as a network takes it: short side to `resize` pixels (antialiased triangle filter, as torchvision and
 * Pillow call bilinear; JPEGs are scaled while decoding where that loses nothing), then the centre `crop` x `crop`.
 *
 * @returns uint8 [crop, crop, C], RGB, or one channel for GRAY. Normalisation is the graph's, see `withPixelInput`.
 * @throws GraftError `input-invalid` that says what is wrong with the picture.
 */
export async function decodeImage(bytes: Uint8Array, p: Preprocessing): Promise<Uint8Array> {
  const channels = p.channels === 'GRAY' ? 1 : 3;
  const resize = Math.max(p.resize, p.crop);
  const margin = Math.round((resize - p.crop) / 2);
  try {
    const pipeline = upright(bytes).resize(resize, resize, { fit: 'cover', position: 'centre', kernel: 'linear' });
    if (margin > 0) pipeline.extract({ left: margin, top: margin, width: p.crop, height: p.crop });
    if (channels === 1) pipeline.greyscale();
    const { data, info } = await pipeline
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return info.channels === channels ? data : withChannels(data, info.channels, channels);
  } catch (error) {
    throw decodeError(bytes, error);
  }
}

/** Grey (with or without alpha) to RGB and the like: the first channels, the last of them repeated. */
function withChannels(data: Uint8Array, from: number, to: number): Uint8Array {
  const colours = from === 2 ? 1 : from;
  const out = new Uint8Array((data.length / from) * to);
  for (let pixel = 0; pixel * from < data.length; pixel++) {
    for (let c = 0; c < to; c++) out[pixel * to + c] = data[pixel * from + Math.min(c, colours - 1)]!;
  }
  return out;
}

export interface Examined {
  /** Upright, in pixels. */
  readonly width: number;
  readonly height: number;
  /** Difference hash (brightness falls or rises from pixel to pixel of a 9x8 thumbnail): 64 bits in two numbers. */
  readonly hash: readonly [number, number];
  /** How much the thumbnail varies; flat pictures all have similar hashes and tell nothing. */
  readonly contrast: number;
}

/** Decodes the whole picture, so that damage anywhere is found, and keeps a thumbnail's hash of it. */
export async function examineImage(bytes: Uint8Array): Promise<Examined> {
  if (bytes.length === 0) throw decodeError(bytes, new Error('empty'));
  try {
    const { autoOrient } = await sharp(bytes, READ).metadata();
    // Full resolution first: scaling while decoding would skip data that training will need.
    const grey = await upright(bytes)
      .greyscale()
      .resize(9, 8, { fit: 'fill', kernel: 'linear', fastShrinkOnLoad: true })
      .raw()
      .toBuffer();
    const step = grey.length / 72;
    const at = (x: number, y: number) => grey[(y * 9 + x) * step]!;
    const words: [number, number] = [0, 0];
    let low = 255;
    let high = 0;
    for (let y = 0; y < 8; y++) {
      for (let x = 0; x < 8; x++) {
        const bit = y * 8 + x;
        if (at(x, y) > at(x + 1, y)) words[bit >> 5] = (words[bit >> 5]! | (1 << (bit & 31))) >>> 0;
        low = Math.min(low, at(x, y));
        high = Math.max(high, at(x, y));
      }
    }
    return { width: autoOrient.width, height: autoOrient.height, hash: words, contrast: high - low };
  } catch (error) {
    throw decodeError(bytes, error);
  }
}
