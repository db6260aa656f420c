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
  /** Mean RGB of 3x3 fields of the thumbnail, 0 to 255: 27 numbers. Shapes may agree by chance, colours tell. */
  readonly colours: readonly number[];
  /** How much the thumbnail varies; flat pictures all have similar hashes and tell nothing. */
  readonly contrast: number;
}

/** Of the thumbnail, in pixels. */
const WIDTH = 9;
const HEIGHT = 8;

/** Decodes the whole picture, so that damage anywhere is found, and keeps a thumbnail's hash of it. */
export async function examineImage(bytes: Uint8Array): Promise<Examined> {
  if (bytes.length === 0) throw decodeError(bytes, new Error('empty'));
  try {
    const { autoOrient } = await sharp(bytes, READ).metadata();
    // Full resolution first: scaling while decoding would skip data that training will need.
    const thumbnail = await upright(bytes)
      .toColourspace('srgb')
      .resize(WIDTH, HEIGHT, { fit: 'fill', kernel: 'linear', fastShrinkOnLoad: true })
      .raw()
      .toBuffer();
    const rgb = withChannels(thumbnail, thumbnail.length / (WIDTH * HEIGHT), 3);
    return { width: autoOrient.width, height: autoOrient.height, ...look(rgb) };
  } catch (error) {
    throw decodeError(bytes, error);
  }
}

/** What the thumbnail, uint8 [HEIGHT, WIDTH, 3], looks like. */
function look(rgb: Uint8Array): Pick<Examined, 'hash' | 'colours' | 'contrast'> {
  // Luma of ITU-R BT.601.
  const grey = Array.from({ length: WIDTH * HEIGHT }, (_, i) => {
    return 0.299 * rgb[3 * i]! + 0.587 * rgb[3 * i + 1]! + 0.114 * rgb[3 * i + 2]!;
  });
  const hash: [number, number] = [0, 0];
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH - 1; x++) {
      const bit = y * (WIDTH - 1) + x;
      if (grey[y * WIDTH + x]! > grey[y * WIDTH + x + 1]!) hash[bit >> 5] = (hash[bit >> 5]! | (1 << (bit & 31))) >>> 0;
    }
  }
  const sums = new Array<number>(27).fill(0);
  const counts = new Array<number>(27).fill(0);
  for (let i = 0; i < rgb.length; i++) {
    const [x, y] = [Math.floor(i / 3) % WIDTH, Math.floor(i / 3 / WIDTH)];
    const field = (Math.floor((3 * y) / HEIGHT) * 3 + Math.floor((3 * x) / WIDTH)) * 3 + (i % 3);
    sums[field]! += rgb[i]!;
    counts[field]! += 1;
  }
  const colours = sums.map((sum, i) => Math.round(sum / counts[i]!));
  return { hash, colours, contrast: Math.round(Math.max(...grey) - Math.min(...grey)) };
}
