import sharp from 'sharp';
import { expect, test } from 'vitest';
import { jpegHeader } from '../../../workers/data/jpeg-header.js';
import { quickJpeg } from '../../../workers/data/quick-jpeg.js';
import { resample } from '../../../workers/data/resample.js';
import { centreOf, shortSideOf } from '../../../workers/data/scaling.js';

/** Colours that change slowly, as a JPEG keeps them. */
const soft = (width: number, height: number) => {
  const pixels = Buffer.from(
    Array.from({ length: width * height * 3 }, (_, i) => {
      const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
      return 128 + 60 * Math.sin(x / 9 + (i % 3)) + 60 * Math.cos(y / 7 - (i % 3));
    }),
  );
  return sharp(pixels, { raw: { width, height, channels: 3 } });
};
/** Scaled in the same way: of chroma that was halved, two decoders make pixels that differ from one to the next. */
async function both(bytes: Buffer, short: number, crop: number, ignoreIcc = true) {
  const header = jpegHeader(bytes)!;
  const size = shortSideOf(header, short);
  const scaled = (rgb: Uint8Array) => resample(rgb, header, size, centreOf(size, crop));
  const slow = await sharp(bytes, { ignoreIcc }).toColourspace('srgb').raw().toBuffer();
  const quick = await quickJpeg(bytes, header);
  return { quick: quick && scaled(quick), slow: scaled(slow) };
}

test.each([
  ['4:4:4', soft(91, 60).jpeg({ quality: 95, chromaSubsampling: '4:4:4' }), 40, 33],
  ['4:2:0, odd sides', soft(67, 91).jpeg({ quality: 90, chromaSubsampling: '4:2:0' }), 40, 31],
  ['progressive', soft(91, 60).jpeg({ progressive: true }), 40, 32],
  ['in colours of Display P3', soft(91, 60).withIccProfile('p3').jpeg({ quality: 95 }), 40, 32, false, 6],
])('%s: the pixels that sharp gives', async (_, picture, short, crop, ignoreIcc = true, most = 5) => {
  const { quick, slow } = await both(await picture.toBuffer(), short, crop, ignoreIcc);
  expect(quick).toHaveLength(crop * crop * 3);
  const off = Array.from(quick!, (value, i) => Math.abs(value - slow[i]!));
  expect(off.reduce((sum, value) => sum + value, 0) / off.length).toBeLessThan(0.6);
  expect(Math.max(...off)).toBeLessThan(most);
});

test('one pixel wide', async () => {
  expect((await both(await soft(1, 9).jpeg().toBuffer(), 5, 5)).quick).toHaveLength(5 * 5 * 3);
});

test.each([
  ['turned', soft(60, 40).jpeg().withMetadata({ orientation: 6 })],
  ['grey', soft(60, 40).toColourspace('b-w').jpeg()],
  ['CMYK', soft(60, 40).toColourspace('cmyk').jpeg()],
])('%s: left to sharp', async (_, picture) => {
  expect((await both(await picture.toBuffer(), 40, 32)).quick).toBe(null);
});

test('in colours that are not known: left to sharp', async () => {
  const whole = await soft(60, 40).withIccProfile('p3').jpeg().toBuffer();
  const unknown = Buffer.from(whole);
  // Another space that its numbers lead to.
  unknown.write('Lab ', whole.indexOf('RGB XYZ ') + 4, 'latin1');
  expect((await both(whole, 40, 32)).quick).not.toBe(null);
  expect(await quickJpeg(unknown, jpegHeader(unknown)!)).toBe(null);
});

test('cut off or damaged: left to sharp, which says why', async () => {
  const whole = await soft(90, 60).jpeg({ quality: 95 }).toBuffer();
  const header = jpegHeader(whole)!;
  expect(await quickJpeg(whole.subarray(0, whole.length >> 1), header)).toBe(null);
  // No Huffman table.
  const without = Buffer.from(whole);
  without[whole.indexOf(Buffer.from([0xff, 0xc4])) + 1] = 0xfe;
  expect(await quickJpeg(without, header)).toBe(null);
});
