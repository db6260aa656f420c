import sharp from 'sharp';

/** A small picture of one colour with noise, the same for the same seed. */
export function picture(
  seed: number,
  options: {
    width?: number;
    height?: number;
    format?: 'jpeg' | 'png' | 'webp';
    colour?: [number, number, number];
  } = {},
): Promise<Buffer> {
  const { width = 48, height = 40, format = 'jpeg', colour = [seed * 53, seed * 97, seed * 29] } = options;
  const pixels = Buffer.alloc(width * height * 3);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let i = 0; i < pixels.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    pixels[i] = (colour[i % 3]! + (state >>> 26)) & 255;
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .toFormat(format)
    .toBuffer();
}
