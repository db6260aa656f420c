import type { JpegHeader } from './jpeg-header.js';
import { toSrgb } from './rgb-profile.js';

type Library = typeof import('@napi-rs/image');
let library: Promise<Library | null> | undefined;
/** There is no build of it for every platform that sharp runs on. */
const loaded = (): Promise<Library | null> => (library ??= import('@napi-rs/image').catch(() => null));

/**
 * Pixels of a small ordinary JPEG. libvips, which sharp uses, makes a pipeline of objects and threads for each picture, which takes
 * a third of the time of small ones.
 *
 * @returns uint8 [height, width, 3], in sRGB; null where it is not sure to give what sharp would: then that must decode, and say
 * what is wrong.
 */
export async function quickJpeg(bytes: Uint8Array, header: JpegHeader): Promise<Uint8Array | null> {
  const { width, height, profile } = header;
  if (!header.ordinary || header.orientation !== 1 || profile === 'other') return null;
  // Where the end is missing it would decode what there is.
  if (bytes.at(-2) !== 0xff || bytes.at(-1) !== 0xd9) return null;
  const image = await loaded();
  if (image === null) return null;
  const rgb = await new image.Transformer(bytes).rawPixels().catch(() => null);
  if (rgb === null || rgb.length !== width * height * 3) return null;
  if (typeof profile === 'object') toSrgb(rgb, profile);
  return rgb;
}
