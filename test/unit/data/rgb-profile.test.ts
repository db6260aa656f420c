import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { jpegHeader } from '../../../workers/data/jpeg-header.js';
import { isSrgb, type RgbProfile, readRgbProfile, toSrgb } from '../../../workers/data/rgb-profile.js';
import { dataPath } from '../../support/onnx.js';

const PHOTOS = ['train/ants', 'train/bees', 'val/ants', 'val/bees'].map((part) =>
  dataPath(`datasets/hymenoptera/${part}`),
);
const absent = !PHOTOS.every((folder) => existsSync(folder));
/** Before sharp makes a picture smaller it converts its colours, so at its own size. */
const pixels = (bytes: Uint8Array, ignoreIcc: boolean) =>
  sharp(bytes, { ignoreIcc }).toColourspace('srgb').raw().toBuffer();

const converted = (rgb: Uint8Array, profile: RgbProfile) => {
  const copy = new Uint8Array(rgb);
  toSrgb(copy, profile);
  return copy;
};

/** How far off sharp's own conversion (by Little CMS) the pixels of a JPEG are, in levels. */
async function off(bytes: Uint8Array, profile: RgbProfile) {
  const [before, theirs] = [await pixels(bytes, true), await pixels(bytes, false)];
  const ours = converted(before, profile);
  let [sum, most, moved] = [0, 0, 0];
  for (let i = 0; i < ours.length; i++) {
    const difference = Math.abs(ours[i]! - theirs[i]!);
    sum += difference;
    most = Math.max(most, difference);
    moved += Math.abs(ours[i]! - before[i]!);
  }
  return { mean: sum / ours.length, most, moved: moved / ours.length };
}

describe('colours of an embedded profile', () => {
  it.skipIf(absent)(`of real photos become those that sharp makes (data absent: ${absent})`, async () => {
    const seen = new Set<number>();
    for (const file of PHOTOS.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))) {
      const bytes = readFileSync(file);
      const profile = jpegHeader(bytes)?.profile;
      if (typeof profile !== 'object') continue;
      const { icc } = await sharp(bytes).metadata();
      if (seen.has(icc!.length)) continue;
      seen.add(icc!.length);
      const { mean, most } = await off(bytes, profile);
      expect(mean, file).toBeLessThan(0.1);
      expect(most, file).toBeLessThanOrEqual(1);
    }
    // Adobe RGB, ProPhoto RGB and what cameras call theirs.
    expect(seen.size).toBeGreaterThan(5);
  });

  it('of Display P3 too', async () => {
    const noise = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251));
    const raw = { width: 64, height: 64, channels: 3 } as const;
    const bytes = await sharp(noise, { raw }).withIccProfile('p3').jpeg({ quality: 95 }).toBuffer();
    const { profile } = jpegHeader(bytes)!;
    expect(profile).toBeTypeOf('object');
    const { mean, most, moved } = await off(bytes, profile as RgbProfile);
    expect(mean).toBeLessThan(0.1);
    expect(most).toBeLessThanOrEqual(1);
    expect(moved).toBeGreaterThan(1);
  });
});

const fixed = (x: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(Math.round(x * 65536));
  return bytes;
};
const u32 = (x: number) => Buffer.from([x >>> 24, (x >>> 16) & 255, (x >>> 8) & 255, x & 255]);
const u16 = (x: number) => Buffer.from([x >>> 8, x & 255]);
const sampled = (...points: number[]) =>
  Buffer.concat([Buffer.from('curv\0\0\0\0'), u32(points.length), ...points.map(u16)]);
const parametric = (kind: number, ...numbers: number[]) =>
  Buffer.concat([Buffer.from('para\0\0\0\0'), u16(kind), u16(0), ...numbers.map(fixed)]);
const SRGB = [
  [0.436066, 0.222488, 0.013916],
  [0.385147, 0.716873, 0.097076],
  [0.143066, 0.060608, 0.714096],
];
/** A profile of sRGB's primaries with one curve. */
function made(curve: Buffer, { colours = 'RGB XYZ ', more = [] as string[] } = {}): Buffer {
  const header = Buffer.alloc(128);
  header.write(colours, 16, 'latin1');
  const primaries = SRGB.map((xyz) => Buffer.concat([Buffer.from('XYZ \0\0\0\0'), ...xyz.map(fixed)]));
  const names = ['rXYZ', 'gXYZ', 'bXYZ', 'rTRC', 'gTRC', 'bTRC', ...more];
  const start = 132 + 12 * names.length;
  const tags = names.map((name, i) =>
    Buffer.concat([Buffer.from(name), u32(start + 20 * Math.min(i, 3)), u32(i < 3 ? 20 : curve.length)]),
  );
  return Buffer.concat([header, u32(names.length), ...tags, ...primaries, curve]);
}

describe('a profile', () => {
  const srgb = [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045];
  it.each([
    ['no numbers', sampled(), (x: number) => x],
    ['an exponent', sampled(2.2 * 256), (x: number) => x ** (Math.round(2.2 * 256) / 256)],
    [
      'points',
      sampled(0, 10000, 65535),
      (x: number) => (x < 0.5 ? 2 * x * 10000 : 10000 + (2 * x - 1) * 55535) / 65535,
    ],
    ['kind 0', parametric(0, 1.8), (x: number) => x ** 1.8],
    ['kind 1', parametric(1, 2, 1.2, -0.2), (x: number) => (x >= 0.2 / 1.2 ? (1.2 * x - 0.2) ** 2 : 0)],
    ['kind 2', parametric(2, 2, 1, -0.1, 0.05), (x: number) => (x >= 0.1 ? (x - 0.1) ** 2 : 0) + 0.05],
    ['kind 3', parametric(3, ...srgb), (x: number) => (x > 0.04045 ? ((x + 0.055) / 1.055) ** 2.4 : x / 12.92)],
    ['kind 4', parametric(4, 2, 1, 0, 0.5, 0.5, 0.1, 0.2), (x: number) => (x >= 0.5 ? x ** 2 + 0.1 : 0.5 * x + 0.2)],
  ])('whose curve is given by %s', (_, curve, wanted) => {
    const profile = readRgbProfile(made(curve))!;
    const lights = Array.from({ length: 256 }, (_, level) => Math.min(wanted(level / 255), 1));
    for (const lighted of profile.curves)
      expect(Math.max(...lights.map((light, level) => Math.abs(light - lighted[level]!)))).toBeLessThan(5e-4);
    const primaries = profile.primaries.flat();
    expect(Math.max(...SRGB.flat().map((x, i) => Math.abs(x - primaries[i]!)))).toBeLessThan(1e-4);
  });

  it('is sRGB by its numbers only', () => {
    expect(isSrgb(readRgbProfile(made(parametric(3, ...srgb)))!)).toBe(true);
    expect(isSrgb(readRgbProfile(made(sampled(2.2 * 256)))!)).toBe(false);
  });

  it('of its own colours changes none, and sends what is beyond to the nearest', () => {
    const all = Uint8Array.from({ length: 3 * 256 }, (_, i) => (i * 85) % 256);
    expect(converted(all, readRgbProfile(made(parametric(3, ...srgb)))!)).toEqual(all);
    const { curves } = readRgbProfile(made(parametric(3, ...srgb)))!;
    const wide = Uint8Array.from([255, 0, 0, 255, 255, 255]);
    // Greener and bluer than sRGB can be where red alone is asked for.
    const nearest = converted(wide, {
      curves,
      primaries: [
        [0.7977, 0.288, 0],
        [0.1352, 0.7119, 0],
        [0.0313, 0.0001, 0.8249],
      ],
    });
    expect([...nearest]).toEqual([255, 0, 0, 255, 255, 255]);
  });

  it('of other kinds, of other colours, or damaged, is left to sharp', () => {
    const whole = made(parametric(3, ...srgb));
    expect(readRgbProfile(made(parametric(3, ...srgb), { more: ['A2B0'] }))).toBe(null);
    expect(readRgbProfile(made(parametric(3, ...srgb), { colours: 'RGB Lab ' }))).toBe(null);
    expect(readRgbProfile(made(parametric(3, ...srgb), { colours: 'CMYKXYZ ' }))).toBe(null);
    expect(readRgbProfile(made(parametric(5, ...srgb)))).toBe(null);
    expect(readRgbProfile(made(Buffer.from('mft2'.padEnd(40, '\0'))))).toBe(null);
    for (let length = 0; length < whole.length; length++) expect(readRgbProfile(whole.subarray(0, length))).toBe(null);
  });
});
