import { decodeError, upright, uprightSize, withChannels } from './decode.js';
import { jpegHeader } from './jpeg-header.js';

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
    const header = jpegHeader(bytes);
    const { width, height } = await uprightSize(bytes, header);
    // Full resolution first: scaling while decoding would skip data that training will need.
    const thumbnail = await upright(bytes, header)
      .toColourspace('srgb')
      .resize(WIDTH, HEIGHT, { fit: 'fill', kernel: 'linear', fastShrinkOnLoad: true })
      .raw()
      .toBuffer();
    const rgb = withChannels(thumbnail, thumbnail.length / (WIDTH * HEIGHT), 3);
    return { width, height, ...look(rgb) };
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
