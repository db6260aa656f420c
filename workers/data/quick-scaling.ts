import { endianness } from 'node:os';
import type { Transformer } from '@napi-rs/image';
import type { JpegHeader } from './jpeg-header.js';
import { inSrgb } from './rgb-profile.js';
import type { Place, Size } from './scaling.js';

type Library = typeof import('@napi-rs/image');
let library: Promise<Library | null> | undefined;
/** There is no build of it for every platform that sharp runs on. */
const loaded = (): Promise<Library | null> => (library ??= import('@napi-rs/image').catch(() => null));

/** It holds whole pictures of four bytes a pixel, which no longer lie in a processor's cache from about here: then sharp is faster. */
const MAX_PIXELS = 400_000;
const LITTLE_ENDIAN = endianness() === 'LE';

/**
 * A small ordinary JPEG at another size. libvips, which sharp uses, makes a pipeline of objects and threads for each picture, which
 * takes half the time of small ones; both filter as Pillow's bilinear does, and their pixels differ by less than half a grey level
 * on average.
 *
 * @returns uint8 [height, width, 3] of `place`, or of all where that is null; null where it is not sure to give what sharp would,
 * or sharp is faster: then that must decode, and say what is wrong.
 */
export async function quickJpeg(
  bytes: Uint8Array,
  header: JpegHeader,
  to: Size,
  place: Place | null,
): Promise<Uint8Array | null> {
  const { width, height, profile } = header;
  if (!header.ordinary || header.orientation !== 1 || profile === 'other') return null;
  if (width * height > MAX_PIXELS) return null;
  // Where the end is missing it would decode what there is.
  if (bytes.at(-2) !== 0xff || bytes.at(-1) !== 0xd9) return null;
  return scaled(
    async ({ Transformer }) => {
      const picture = new Transformer(bytes);
      if (typeof profile !== 'object') return picture;
      // Before it is scaled, as sharp and Pillow's users do.
      return Transformer.fromRgbaPixels(inSrgb(await picture.rawPixels(), profile), width, height);
    },
    to,
    place,
  );
}

/**
 * Pixels, uint8 [height, width, 4] of RGBA, at a larger size: Pillow's bilinear too, while libvips enlarges another way, which is
 * several grey levels off on average.
 *
 * @returns As `quickJpeg` does, and null as well where there would be many pixels; `rgba` is not asked for then.
 */
export async function enlarged(
  rgba: () => Promise<Uint8Array>,
  { width, height }: Size,
  to: Size,
  place: Place | null,
): Promise<Uint8Array | null> {
  return scaled(async ({ Transformer }) => Transformer.fromRgbaPixels(await rgba(), width, height), to, place);
}

async function scaled(
  open: (library: Library) => Promise<Transformer>,
  { width, height }: Size,
  place: Place | null,
): Promise<Uint8Array | null> {
  const image = await loaded();
  if (image === null || !LITTLE_ENDIAN || width * height > MAX_PIXELS) return null;
  try {
    const { FastResizeFilter, ResizeFit } = image;
    const options = { width, height, filter: FastResizeFilter.Bilinear, fit: ResizeFit.Fill };
    const transformer = (await open(image)).fastResize(options);
    if (place !== null) transformer.crop(place.left, place.top, place.width, place.height);
    return withoutAlpha(await transformer.rawPixels(), (place?.width ?? width) * (place?.height ?? height));
  } catch {
    return null;
  }
}

/** Of RGBA, RGB: three words of every four, which takes a third of the time that bytes take. */
function withoutAlpha(rgba: Uint8Array, pixels: number): Uint8Array | null {
  if (rgba.length !== pixels * 4 || rgba.byteOffset % 4 !== 0) return null;
  const from = new Uint32Array(rgba.buffer, rgba.byteOffset, pixels);
  const to = new Uint32Array(Math.ceil(pixels / 4) * 3);
  for (let at = 0, word = 0; at < pixels; at += 4, word += 3) {
    // Behind the last pixel there is nothing, which counts as 0 and is cut off below.
    const second = from[at + 1]!;
    const third = from[at + 2]!;
    to[word] = (from[at]! & 0xffffff) | (second << 24);
    to[word + 1] = ((second >>> 8) & 0xffff) | (third << 16);
    to[word + 2] = ((third >>> 16) & 0xff) | (from[at + 3]! << 8);
  }
  return new Uint8Array(to.buffer, 0, pixels * 3);
}
