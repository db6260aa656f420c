import { existsSync, readdirSync, readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { embedsPlainSrgb } from '../../../workers/data/srgb-profile.js';
import { dataPath } from '../../support/onnx.js';

const PHOTOS = dataPath('datasets/hymenoptera/val/bees');
const ODD = dataPath('images');
const pixels = (bytes: Uint8Array, ignoreIcc: boolean) =>
  sharp(bytes, { ignoreIcc }).resize(64).toColourspace('srgb').raw().toBuffer();

describe('embedded sRGB profile', () => {
  it.skipIf(!existsSync(PHOTOS))(
    `is found where leaving it out changes no pixel (data absent: ${!existsSync(PHOTOS)})`,
    async () => {
      const files = readdirSync(PHOTOS).map((name) => readFileSync(`${PHOTOS}/${name}`));
      const plain = files.filter(embedsPlainSrgb);
      expect(plain.length).toBeGreaterThan(10);
      for (const bytes of plain.slice(0, 10))
        expect((await pixels(bytes, true)).equals(await pixels(bytes, false))).toBe(true);
    },
  );

  it.skipIf(!existsSync(ODD))(`odd files give an answer (data absent: ${!existsSync(ODD)})`, () => {
    for (const name of readdirSync(ODD)) {
      const bytes = readFileSync(`${ODD}/${name}`);
      for (const length of [0, 1, 3, 20, 700, bytes.length])
        expect(typeof embedsPlainSrgb(bytes.subarray(0, length))).toBe('boolean');
    }
  });

  it('is not seen in other profiles and formats', async () => {
    const picture = sharp({ create: { width: 8, height: 8, channels: 3, background: '#123456' } });
    expect(embedsPlainSrgb(await picture.clone().jpeg().toBuffer())).toBe(false);
    expect(embedsPlainSrgb(await picture.clone().withIccProfile('p3').jpeg().toBuffer())).toBe(false);
    expect(embedsPlainSrgb(await picture.clone().withIccProfile('srgb').png().toBuffer())).toBe(false);
    expect(embedsPlainSrgb(Buffer.from('text'))).toBe(false);
  });
});
