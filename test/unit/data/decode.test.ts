import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import type { Preprocessing } from '../../../src/domain/types.js';
import { GraftError } from '../../../src/errors.js';
import { decodeImage, decodeScaled } from '../../../workers/data/decode.js';
import { examineImage } from '../../../workers/data/examine-image.js';
import { resample } from '../../../workers/data/resample.js';
import { centreOf, shortSideOf } from '../../../workers/data/scaling.js';
import { sharedData } from '../../support/data.js';
import { picture } from '../../support/pictures.js';

const P: Preprocessing = { resize: 40, crop: 32, layout: 'NCHW', channels: 'RGB', scale: 1 / 255, mean: [0], std: [1] };
const mean = (bytes: Uint8Array, c: number, n = 3) => {
  let sum = 0;
  for (let i = c; i < bytes.length; i += n) sum += bytes[i]!;
  return sum / (bytes.length / n);
};

test('RGB pixels of the wanted size, from every format', async () => {
  for (const format of ['jpeg', 'png', 'webp'] as const) {
    const pixels = await decodeImage(await picture(1, { format, width: 90, height: 60, colour: [200, 100, 20] }), P);
    expect(pixels).toHaveLength(32 * 32 * 3);
    expect(mean(pixels, 0)).toBeGreaterThan(mean(pixels, 1));
    expect(mean(pixels, 1)).toBeGreaterThan(mean(pixels, 2));
  }
});

interface Resized {
  readonly torchvision: string;
  readonly cases: readonly { name: string; resize: number; crop: number; file: string; pixels: string }[];
}
const resized = JSON.parse(
  readFileSync(new URL('../../fixtures/resized-pictures.json', import.meta.url), 'utf8'),
) as Resized;

/** Of each pixel: the mean and the largest. */
function differences(a: Uint8Array, b: Uint8Array): { readonly mean: number; readonly most: number } {
  expect(a).toHaveLength(b.length);
  const all = Array.from(a, (value, i) => Math.abs(value - b[i]!));
  return { mean: all.reduce((sum, value) => sum + value, 0) / all.length, most: Math.max(...all) };
}

test.each(resized.cases)(`$name is resized and cropped as torchvision ${resized.torchvision} does`, async (given) => {
  const pixels = await decodeImage(Buffer.from(given.file, 'base64'), { ...P, ...given });
  const { mean, most } = differences(pixels, Buffer.from(given.pixels, 'base64'));
  // Two decoders of JPEG round in their own ways; scaling is the same to the bit.
  if (given.name.startsWith('png')) expect(most).toBe(0);
  expect(mean).toBeLessThan(0.5);
  expect(most).toBeLessThan(3);
});

test('large pictures are scaled by another library, nearly as small ones', async () => {
  const given = { width: 900, height: 600 };
  const rgb = Uint8Array.from({ length: 900 * 600 * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % 900, Math.floor(i / 3 / 900)];
    return 128 + 60 * Math.sin(x / 20 + (i % 3)) + 60 * Math.cos(y / 15 - (i % 3));
  });
  const bytes = await sharp(rgb, { raw: { ...given, channels: 3 } })
    .png()
    .toBuffer();
  const size = shortSideOf(given, 100);
  const { mean, most } = differences(
    await decodeImage(bytes, { ...P, resize: 100, crop: 90 }),
    resample(rgb, given, size, centreOf(size, 90)),
  );
  expect(mean).toBeLessThan(0.6);
  expect(most).toBeLessThan(5);
});

test('long and narrow ones that are enlarged are not too large to be scaled from all pixels', async () => {
  const bytes = await picture(3, { format: 'png', width: 30_000, height: 20 });
  const given = { width: 30_000, height: 20 };
  const size = shortSideOf(given, 40);
  const rgb = await sharp(bytes).raw().toBuffer();
  expect(await decodeImage(bytes, P)).toEqual(resample(rgb, given, size, centreOf(size, 32)));
});

test('the crop is the centre of the resized picture', async () => {
  // A white square of 20 in the middle of 100 x 60 black: after the short side goes to 40 it is 13.3 wide.
  const white = await sharp({ create: { width: 20, height: 20, channels: 3, background: '#fff' } })
    .png()
    .toBuffer();
  const bytes = await sharp({ create: { width: 100, height: 60, channels: 3, background: '#000' } })
    .composite([{ input: white, left: 40, top: 20 }])
    .png()
    .toBuffer();
  const pixels = await decodeImage(bytes, P);
  const at = (x: number, y: number) => pixels[(y * 32 + x) * 3]!;
  expect(at(16, 16)).toBeGreaterThan(250);
  expect([at(2, 16), at(29, 16), at(16, 2), at(16, 29)].every((value) => value < 5)).toBe(true);
  // The square's centre of mass is the crop's centre, to the rounding of one pixel.
  const row = Array.from({ length: 32 }, (_, x) => at(x, 16));
  const centre = row.reduce((sum, value, x) => sum + value * x, 0) / row.reduce((sum, value) => sum + value, 0);
  expect(Math.abs(centre - 15.5)).toBeLessThan(0.75);
});

test('EXIF orientation is applied', async () => {
  const wide = sharp({ create: { width: 80, height: 40, channels: 3, background: '#f00' } });
  const turned = await wide.jpeg().withMetadata({ orientation: 6 }).toBuffer();
  expect(await examineImage(turned)).toMatchObject({ width: 40, height: 80 });
});

test('a picture that lies on its side is resized and cropped like one that stands', async () => {
  const standing = await picture(7, { format: 'png', width: 63, height: 90 });
  const lying = await sharp(standing)
    .rotate(270)
    .withMetadata({ orientation: 6 })
    .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
    .toBuffer();
  const { mean } = differences(await decodeImage(lying, P), await decodeImage(standing, P));
  expect(mean).toBeLessThan(2);
});

test('whole pictures for augmentation keep their sides, and are not made larger', async () => {
  const scaling = { short: 40, enlarge: false, crop: null, channels: 3 } as const;
  const of = async (width: number, height: number, format: 'jpeg' | 'png') => {
    const { data, ...size } = await decodeScaled(await picture(2, { format, width, height }), scaling);
    return { ...size, bytes: data.length };
  };
  for (const format of ['jpeg', 'png'] as const) {
    expect(await of(90, 61, format), format).toEqual({ width: 59, height: 40, bytes: 59 * 40 * 3 });
    expect(await of(31, 20, format), format).toEqual({ width: 31, height: 20, bytes: 31 * 20 * 3 });
  }
});

test('grey, transparent and 16-bit pictures become three channels of 8 bits; transparency is white', async () => {
  const grey = await sharp({ create: { width: 50, height: 50, channels: 3, background: '#808080' } })
    .greyscale()
    .png()
    .toBuffer();
  expect(mean(await decodeImage(grey, P), 2)).toBeCloseTo(128, -1);
  const clear = await sharp({
    create: { width: 50, height: 50, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
  })
    .png()
    .toBuffer();
  expect(mean(await decodeImage(clear, P), 0)).toBe(255);
  const deep = await sharp({ create: { width: 50, height: 50, channels: 3, background: '#204080' } })
    .toColourspace('rgb16')
    .png()
    .toBuffer();
  expect(mean(await decodeImage(deep, P), 2)).toBeCloseTo(128, -1);
});

test('GRAY asks for one channel', async () => {
  const grey = async (side: number) => {
    const made = sharp({ create: { width: side, height: side, channels: 3, background: { r: 200, g: 90, b: 20 } } });
    const pixels = await decodeImage(await made.png().toBuffer(), { ...P, channels: 'GRAY' });
    expect(pixels).toHaveLength(32 * 32);
    return mean(pixels, 0, 1);
  };
  // 0.299 R + 0.587 G + 0.114 B. Made smaller and made larger are done in two ways.
  expect(await grey(90)).toBe(115);
  expect(await grey(20)).toBe(115);
});

test.each([
  ['empty', Buffer.alloc(0), 'image-empty'],
  ['text', Buffer.from('hello'), 'image-format-unsupported'],
  ['svg', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'), 'image-format-unsupported'],
])('%s', async (_, bytes, code) => {
  const error = (await decodeImage(bytes, P).catch((thrown: unknown) => thrown)) as GraftError;
  expect(error).toBeInstanceOf(GraftError);
  expect(error.options.errors?.[0]?.code).toBe(code);
});

test('a picture that was cut off says so, with its bytes', async () => {
  for (const format of ['jpeg', 'png', 'webp'] as const) {
    const bytes = await picture(5, { width: 300, height: 300, format });
    const error = (await examineImage(bytes.subarray(0, bytes.length >> 1)).catch(
      (thrown: unknown) => thrown,
    )) as GraftError;
    expect(error.options?.errors?.[0]?.code, format).toBe('image-truncated');
    expect(error.detail).toContain(String(bytes.length >> 1));
  }
});

const images = sharedData('images');
test.runIf(images !== null)('every odd or corrupt picture: pixels, or a reason', async () => {
  const lines = readFileSync(join(images!, 'manifest.csv'), 'utf8').trim().split('\n').slice(1);
  const verdict = new Map(lines.map((line) => [line.split(',')[0]!, line.endsWith(',ok')]));
  const names = readdirSync(images!).filter((name) => name !== 'manifest.csv');
  expect(names.length).toBeGreaterThan(40);
  for (const name of names) {
    const result = await decodeImage(readFileSync(join(images!, name)), P).catch((thrown: unknown) => thrown);
    if (result instanceof Uint8Array) expect(result, name).toHaveLength(32 * 32 * 3);
    else {
      expect(result, name).toBeInstanceOf(GraftError);
      expect((result as GraftError).options.errors?.[0]?.code, name).toMatch(/^image-/);
      // What the decoder takes with its strictest settings is taken here too.
      expect(verdict.get(name), name).toBe(false);
    }
  }
});
