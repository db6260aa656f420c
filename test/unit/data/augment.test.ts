import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Preprocessing } from '../../../src/domain/types.js';
import { random } from '../../../src/tasks/random.js';
import { trainingPictures } from '../../../workers/data/augment/batches.js';
import { beta } from '../../../workers/data/augment/draws.js';
import { randomCrop, rotate, warpThen } from '../../../workers/data/augment/geometry.js';
import { drawMix, mixed } from '../../../workers/data/augment/mix.js';
import { prefetch } from '../../../workers/data/augment/prefetch.js';
import { AUGMENT_PRESETS, type AugmentSettings } from '../../../workers/data/augment/settings.js';
import type { RunExample } from '../../../workers/training/messages.js';
import { packReader } from '../../../workers/training/picture-features.js';
import { picture } from '../../support/pictures.js';

const CROP = 32;
const RGB: Preprocessing = { resize: 36, crop: CROP, layout: 'NCHW', channels: 'RGB', scale: 1, mean: [0], std: [1] };
const LABELS = Int32Array.of(0, 1, 2, 0, 1, 2, 0, 1);
let folder: string;
let packPath: string;
const examples: RunExample[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graft-augment-'));
  packPath = join(folder, 'pack');
  const parts: Buffer[] = [];
  for (let index = 0; index < LABELS.length; index++) {
    const bytes = await picture(index, { width: 60 + index, height: 50, format: index % 2 ? 'png' : 'jpeg' });
    const offset = parts.reduce((n, b) => n + b.length, 0);
    examples.push({
      index,
      path: `${index}`,
      label: `${LABELS[index]}`,
      split: null,
      offset,
      bytes: bytes.length,
      digest: `${index}`,
    });
    parts.push(bytes);
  }
  await writeFile(packPath, Buffer.concat(parts));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const opened = (
  settings: AugmentSettings,
  o: { seed?: number; cacheBytes?: number; preprocessing?: Preprocessing } = {},
) =>
  trainingPictures({
    packPath,
    examples,
    labels: LABELS,
    classes: 3,
    preprocessing: o.preprocessing ?? RGB,
    settings,
    seed: o.seed ?? 1,
    cacheBytes: o.cacheBytes ?? 1e8,
    ahead: 2,
  });
const ROWS = [3, 0, 7, 5];

describe('training pictures', () => {
  it.each([
    ['RGB', RGB],
    ['BGR', { ...RGB, channels: 'BGR' }],
    ['GRAY', { ...RGB, channels: 'GRAY', mean: [0], std: [1] }],
  ] as const)('without variation are those of evaluation, bit for bit: %s', async (_, preprocessing) => {
    const pictures = await opened(AUGMENT_PRESETS.none, { preprocessing });
    const pack = await open(packPath);
    const read = packReader(pack, preprocessing);
    const { pixels, targets, n } = await pictures.batch(4, ROWS);
    const expected = await Promise.all(ROWS.map((row) => read(examples[row]!)));
    expect(Buffer.from(pixels).equals(Buffer.concat(expected))).toBe(true);
    expect(n).toBe(4);
    expect([...targets]).toEqual(ROWS.flatMap((row) => [0, 1, 2].map((c) => (c === LABELS[row] ? 1 : 0))));
    await pack.close();
    await pictures.close();
  });

  it.each([
    'light',
    'medium',
    'strong',
  ] as const)('%s: follow from seed, epoch and row alone, whatever the order and the cache', async (name) => {
    const [a, b, other] = await Promise.all([
      opened(AUGMENT_PRESETS[name]),
      opened(AUGMENT_PRESETS[name], { cacheBytes: 0 }),
      opened(AUGMENT_PRESETS[name], { seed: 2 }),
    ]);
    await a.batch(1, [0, 1, 2]);
    const first = await a.batch(2, ROWS);
    const [again, turned] = await Promise.all([b.batch(2, ROWS), b.batch(2, [...ROWS].reverse())]);
    expect(Buffer.from(again.pixels).equals(Buffer.from(first.pixels))).toBe(true);
    expect([...again.targets]).toEqual([...first.targets]);
    const size = CROP * CROP * 3;
    expect(Buffer.from(turned.pixels.subarray(0, size)).equals(Buffer.from(first.pixels.subarray(3 * size)))).toBe(
      true,
    );
    const different = [await a.batch(3, ROWS), await other.batch(2, ROWS)];
    for (const { pixels } of different) expect(Buffer.from(pixels).equals(Buffer.from(first.pixels))).toBe(false);
    for (const row of [0, 1, 2, 3]) {
      const sum = first.targets.subarray(row * 3, row * 3 + 3).reduce((s, x) => s + x, 0);
      expect(sum).toBeCloseTo(1, 5);
    }
    await Promise.all([a, b, other].map((p) => p.close()));
  });

  it('are turned round about every second time', async () => {
    const pictures = await opened({ ...AUGMENT_PRESETS.none, flip: true });
    const plain = await opened(AUGMENT_PRESETS.none);
    const size = CROP * CROP * 3;
    let turned = 0;
    for (let epoch = 0; epoch < 25; epoch++) {
      const seen = await pictures.batch(epoch, ROWS);
      const still = await plain.batch(epoch, ROWS);
      for (let i = 0; i < 4; i++) {
        const at = (p: Uint8Array) => Buffer.from(p.subarray(i * size, (i + 1) * size));
        if (!at(seen.pixels).equals(at(still.pixels))) turned++;
      }
    }
    expect(turned).toBeGreaterThan(30);
    expect(turned).toBeLessThan(70);
    await pictures.close();
    await plain.close();
  });

  it('refuse settings out of range, saying which', async () => {
    const bad = opened({ ...AUGMENT_PRESETS.light, colour: 2, crop: { minArea: 0, maxArea: 1 } });
    await expect(bad).rejects.toMatchObject({ code: 'job-impossible' });
    await expect(bad).rejects.toThrow(/crop\.minArea is 0.*colour is 2/);
  });
});

describe('what is drawn', () => {
  it('are crops inside of the picture, of the area and aspect asked for', () => {
    const next = random(1);
    const areas: number[] = [];
    for (let i = 0; i < 2000; i++) {
      const { left, top, width, height } = randomCrop(next, 320, 240, { minArea: 0.35, maxArea: 1 });
      expect(left >= 0 && top >= 0 && left + width <= 320 && top + height <= 240).toBe(true);
      expect(width / height).toBeGreaterThan(0.73);
      expect(width / height).toBeLessThan(1.36);
      areas.push((width * height) / (320 * 240));
    }
    expect(Math.min(...areas)).toBeGreaterThan(0.34);
    expect(Math.min(...areas)).toBeLessThan(0.37);
    // A strip takes no crop of its area and aspect: the middle of it.
    expect(randomCrop(next, 1000, 10, { minArea: 0.9, maxArea: 1 })).toEqual({
      left: 493,
      top: 0,
      width: 13,
      height: 10,
    });
  });

  it('are shares of a symmetric distribution, narrow for a large alpha', () => {
    const next = random(2);
    const spread = (alpha: number) => {
      const all = Array.from({ length: 4000 }, () => beta(next, alpha));
      const mean = all.reduce((s, x) => s + x, 0) / all.length;
      expect(mean).toBeCloseTo(0.5, 1);
      expect(Math.min(...all)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...all)).toBeLessThanOrEqual(1);
      return all.reduce((s, x) => s + (x - mean) ** 2, 0) / all.length;
    };
    // Variance of Beta(a, a): 1 / (4 (2a + 1)).
    for (const alpha of [0.2, 1, 5]) expect(spread(alpha)).toBeCloseTo(1 / (4 * (2 * alpha + 1)), 1);
  });

  it.each(['mixup', 'cutmix'] as const)('%s mixes pixels by exactly the share of the target', (kind) => {
    const next = random(3);
    const [own, other] = [new Uint8Array(100).fill(0), new Uint8Array(100).fill(200)];
    for (let i = 0; i < 100; i++) {
      const draw = drawMix(next, [{ kind, alpha: 1 }], 50, 10)!;
      expect(draw.partner).toBeLessThan(50);
      const out = new Uint8Array(100);
      mixed(out, own, other, draw, 10, 1);
      const mean = out.reduce((s, x) => s + x, 0) / 100;
      expect(Math.abs(mean / 200 - (1 - draw.share))).toBeLessThan(0.005);
    }
  });

  it('mixes in each of the ways that are set, and in none where none is', () => {
    const next = random(4);
    const drawn = Array.from({ length: 400 }, () => drawMix(next, AUGMENT_PRESETS.strong.mix, 50, 10)!);
    const cut = drawn.filter(({ rect }) => rect !== null).length;
    expect(cut).toBeGreaterThan(150);
    expect(cut).toBeLessThan(250);
    expect(drawMix(next, AUGMENT_PRESETS.medium.mix, 50, 10)).toBeNull();
  });

  it('turns that follow each other add up', () => {
    const both = warpThen(rotate(30), rotate(60));
    const quarter = rotate(90);
    for (const key of ['a', 'b', 'c', 'd'] as const) expect(both[key]).toBeCloseTo(quarter[key], 10);
  });
});

describe('prefetch', () => {
  const later = <T>(value: T, ms: number) => new Promise<T>((resolve) => setTimeout(() => resolve(value), ms));

  it('keeps so many under way, in order', async () => {
    let begun = 0;
    function* source() {
      for (let i = 0; i < 6; i++) {
        begun++;
        yield later(i, (6 - i) * 3);
      }
    }
    const seen: number[] = [];
    for await (const value of prefetch(source(), 3)) {
      seen.push(value);
      expect(begun).toBeLessThanOrEqual(Math.min(6, seen.length + 3));
    }
    expect(seen).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('throws a failure when its turn comes, and closes the source', async () => {
    let closed = false;
    function* source() {
      try {
        yield later(1, 1);
        yield Promise.reject(new Error('the second'));
        yield later(3, 1);
      } finally {
        closed = true;
      }
    }
    const seen: number[] = [];
    const all = async () => {
      for await (const value of prefetch(source(), 2)) seen.push(value);
    };
    await expect(all()).rejects.toThrow('the second');
    expect(seen).toEqual([1]);
    expect(closed).toBe(true);
  });
});
