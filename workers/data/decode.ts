import sharp, { type Sharp } from 'sharp';
import type { Preprocessing } from '../../src/domain/types.js';
import { GraftError } from '../../src/errors.js';
import { channelsOf } from '../../src/tasks/image-classification/pixel-input.js';
import { imageProblem } from './image-problem.js';
import { type JpegHeader, jpegHeader } from './jpeg-header.js';
import { quickJpeg } from './quick-jpeg.js';
import { resample } from './resample.js';
import { centreOf, type Place, type Size, shortSideOf } from './scaling.js';

// Parallelism comes from many images in flight on libuv's threads, one thread each; a cache would only hold memory.
sharp.concurrency(1);
sharp.cache(false);
// Only loaders of plain pixel formats: SVG, PDF and the like run interpreters on untrusted input.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Tiff', 'Heif'].map((format) => `VipsForeignLoad${format}`),
});

/** Enough for any camera; a picture of more is a bomb or a map. */
const MAX_PIXELS = 120_000_000;
/**
 * Pictures of so many pixels are scaled from all of their pixels, larger ones by libvips on the way: it is faster from about here,
 * and needs no memory for the whole; its pixels are up to half a grey level off on average.
 */
const SMALL = 400_000;
/** Larger pictures that are enlarged are long and narrow; libvips enlarges another way, several grey levels off on average. */
const MOST_ENLARGED = 4_000_000;
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
export function upright(bytes: Uint8Array, header: JpegHeader | null): Sharp {
  return sharp(bytes, { ...READ, ignoreIcc: header?.profile === 'srgb' })
    .autoOrient()
    .flatten({ background: '#ffffff' });
}

export interface Scaling {
  /** Pixels of the shorter side. */
  readonly short: number;
  /** Whether a smaller picture is made larger. */
  readonly enlarge: boolean;
  /** Side of the square in the middle that is taken; null: all of it. */
  readonly crop: number | null;
  readonly channels: 1 | 3;
}
export interface Scaled extends Size {
  /** uint8 [height, width, channels], RGB or one grey. */
  readonly data: Uint8Array;
}

/**
 * A picture at the size that a network or its augmentation needs: antialiased triangle filter, as torchvision and Pillow call
 * bilinear, to their sizes and crops.
 *
 * @throws GraftError `input-invalid` that says what is wrong with the picture.
 */
export async function decodeScaled(bytes: Uint8Array, { short, enlarge, crop, channels }: Scaling): Promise<Scaled> {
  try {
    const header = jpegHeader(bytes);
    const whole = await uprightSize(bytes, header);
    const size = enlarge || Math.min(whole.width, whole.height) > short ? shortSideOf(whole, short) : whole;
    const place = crop === null ? { left: 0, top: 0, ...size } : centreOf(size, crop);
    const { width, height } = place;
    const pixels = whole.width * whole.height;
    const inMemory = pixels <= SMALL || (pixels <= MOST_ENLARGED && size.width > whole.width);
    const every = inMemory ? await everyPixel(bytes, header, pixels) : null;
    const rgb = every === null ? await bySharp(bytes, header, size, place) : resample(every, whole, size, place);
    return { data: channels === 1 ? luma(rgb) : rgb, width, height };
  } catch (error) {
    throw decodeError(bytes, error);
  }
}

/** Null where what was decoded has another size than the file says. */
async function everyPixel(bytes: Uint8Array, header: JpegHeader | null, pixels: number): Promise<Uint8Array | null> {
  const quick = header !== null && pixels <= SMALL ? await quickJpeg(bytes, header) : null;
  const rgb = quick ?? (await rgbOf(upright(bytes, header)));
  return rgb.length === 3 * pixels ? rgb : null;
}

function bySharp(bytes: Uint8Array, header: JpegHeader | null, to: Size, place: Place): Promise<Uint8Array> {
  // To no less than twice the size: to less, pixels are a grey level off on average.
  const options = { fit: 'fill', kernel: 'linear', fastShrinkOnLoad: false } as const;
  return rgbOf(
    upright(bytes, header)
      .resize(to.width, to.height, options)
      .extract({ ...place }),
  );
}

async function rgbOf(picture: Sharp): Promise<Uint8Array> {
  const { data, info } = await picture
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return info.channels === 3 ? data : withChannels(data, info.channels, 3);
}

/** Of RGB, as Pillow's "L" and torchvision's Grayscale (ITU-R BT.601, in 16 bits): what is grey already stays as it is. */
function luma(rgb: Uint8Array): Uint8Array {
  const grey = new Uint8Array(rgb.length / 3);
  for (let i = 0; i < grey.length; i++)
    grey[i] = (rgb[3 * i]! * 19595 + rgb[3 * i + 1]! * 38470 + rgb[3 * i + 2]! * 7471 + 0x8000) >> 16;
  return grey;
}

/**
 * The picture as a network takes it: short side to `resize` pixels, then the centre `crop` x `crop`.
 *
 * @returns uint8 [crop, crop, C], RGB, or one channel for GRAY. Normalisation is the graph's, see `withPixelInput`.
 * @throws GraftError `input-invalid` that says what is wrong with the picture.
 */
export async function decodeImage(bytes: Uint8Array, p: Preprocessing): Promise<Uint8Array> {
  const short = Math.max(p.resize, p.crop);
  return (await decodeScaled(bytes, { short, enlarge: true, crop: p.crop, channels: channelsOf(p) })).data;
}

/** Its size once it is upright; orientations from 5 on lie on their side. */
export async function uprightSize(bytes: Uint8Array, header: JpegHeader | null): Promise<Size> {
  if (header === null) return (await sharp(bytes, READ).metadata()).autoOrient;
  const { width, height, orientation } = header;
  return orientation < 5 ? { width, height } : { width: height, height: width };
}

/** Grey (with or without alpha) to RGB and the like: the first channels, the last of them repeated. */
export function withChannels(data: Uint8Array, from: number, to: number): Uint8Array {
  const colours = from === 2 ? 1 : from;
  const out = new Uint8Array((data.length / from) * to);
  for (let pixel = 0; pixel * from < data.length; pixel++) {
    for (let c = 0; c < to; c++) out[pixel * to + c] = data[pixel * from + Math.min(c, colours - 1)]!;
  }
  return out;
}
