import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { type JpegHeader, jpegHeader } from '../../../workers/data/jpeg-header.js';
import { dataPath } from '../../support/onnx.js';

const PHOTOS = ['ants', 'bees'].map((label) => dataPath(`datasets/hymenoptera/val/${label}`));
const ODD = dataPath('images');
const absent = !PHOTOS.every((folder) => existsSync(folder));
const pixels = (bytes: Uint8Array, ignoreIcc: boolean) =>
  sharp(bytes, { ignoreIcc }).resize(64).toColourspace('srgb').raw().toBuffer();
const made = (width = 30, height = 20) => sharp({ create: { width, height, channels: 3, background: '#123456' } });
const headerOf = async (picture: Sharp) => jpegHeader(await picture.toBuffer());

describe('the header of a JPEG', () => {
  it('tells size, orientation and kind', async () => {
    const plain: JpegHeader = { width: 30, height: 20, orientation: 1, profile: 'none', ordinary: true };
    expect(await headerOf(made().jpeg())).toEqual(plain);
    expect(await headerOf(made().jpeg({ progressive: true }))).toEqual(plain);
    expect(await headerOf(made().jpeg().withMetadata({ orientation: 6 }))).toMatchObject({ orientation: 6, width: 30 });
    expect(await headerOf(made().toColourspace('b-w').jpeg())).toMatchObject({ ordinary: false });
    expect(await headerOf(made().toColourspace('cmyk').jpeg())).toMatchObject({ ordinary: false });
  });

  it('reads both byte orders of EXIF, and nothing where its directory lies outside', () => {
    const jpeg = (tiff: number[]) => {
      const exif = [...Buffer.from('Exif\0\0', 'latin1'), ...tiff];
      const frame = [8, 0, 20, 0, 30, 3, 1, 0x11, 0, 2, 0x11, 1, 3, 0x11, 1];
      const app1 = [0xff, 0xe1, 0, exif.length + 2, ...exif];
      return jpegHeader(
        Buffer.from([0xff, 0xd8, ...app1, 0xff, 0xc0, 0, frame.length + 2, ...frame, 0xff, 0xda, 0, 0]),
      );
    };
    const little = [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 8, 0, 0, 0];
    const big = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 3, 0, 0];
    expect(jpeg(little)).toEqual({ width: 30, height: 20, orientation: 8, profile: 'none', ordinary: true });
    expect(jpeg(big)?.orientation).toBe(3);
    expect(jpeg(big.with(7, 200))?.orientation).toBe(1);
    expect(jpeg(big.with(19, 77))?.orientation).toBe(1);
    expect(jpeg([])?.orientation).toBe(1);
  });

  it('is not seen in other formats, nor in half of one', async () => {
    expect(await headerOf(made().png())).toBe(null);
    expect(jpegHeader(Buffer.from('text'))).toBe(null);
    expect(jpegHeader((await made().jpeg().toBuffer()).subarray(0, 100))).toBe(null);
  });

  it.skipIf(absent)(`agrees with sharp on real photos (data absent: ${absent})`, async () => {
    for (const file of PHOTOS.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))) {
      const { width, height, orientation } = await sharp(file).metadata();
      expect(jpegHeader(readFileSync(file)), file).toMatchObject({ width, height, orientation: orientation ?? 1 });
    }
  });

  it.skipIf(!existsSync(ODD))(`odd files give an answer (data absent: ${!existsSync(ODD)})`, () => {
    for (const name of readdirSync(ODD)) {
      const bytes = readFileSync(`${ODD}/${name}`);
      for (const length of [0, 1, 3, 20, 200, 700, 3000, bytes.length])
        expect(() => jpegHeader(bytes.subarray(0, length)), name).not.toThrow();
    }
  });
});

describe('an embedded profile', () => {
  it.skipIf(absent)(
    `is sRGB by its numbers, where leaving it out changes no pixel (data absent: ${absent})`,
    async () => {
      const seen = { srgb: new Set<number>(), other: new Set<number>() };
      for (const file of PHOTOS.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))) {
        const bytes = readFileSync(file);
        const { profile } = jpegHeader(bytes)!;
        if (profile === 'none') continue;
        const { icc } = await sharp(bytes).metadata();
        const sizes = seen[profile === 'srgb' ? 'srgb' : 'other'];
        if (sizes.has(icc!.length)) continue;
        sizes.add(icc!.length);
        const same = (await pixels(bytes, true)).equals(await pixels(bytes, false));
        expect(same, file).toBe(profile === 'srgb');
      }
      // Those of HP, Canon and Nikon; of the others Adobe RGB and sRGB's primaries with a plain power.
      expect(seen.srgb.size).toBeGreaterThan(1);
      expect(seen.other.size).toBeGreaterThan(2);
    },
  );

  it('is left to sharp where it comes in parts or is of another kind', async () => {
    const bytes = await made().withIccProfile('p3').jpeg().toBuffer();
    const at = bytes.indexOf('ICC_PROFILE') - 4;
    const part = bytes.subarray(at, at + 2 + bytes.readUInt16BE(at + 2));
    expect(jpegHeader(bytes)?.profile).toBeTypeOf('object');
    expect(jpegHeader(Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)]))?.profile).toBe('other');
    expect(await headerOf(made().toColourspace('cmyk').withIccProfile('cmyk').jpeg())).toMatchObject({
      profile: 'other',
    });
  });
});
