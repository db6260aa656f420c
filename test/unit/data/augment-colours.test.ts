import { describe, expect, it } from 'vitest';
import { random } from '../../../src/tasks/random.js';
import {
  brightness,
  type ColourStep,
  colourJitter,
  composed,
  contrast,
  hue,
  type Rgb,
  recoloured,
  saturation,
} from '../../../workers/data/augment/colour.js';
import type { Picture } from '../../../workers/data/augment/decode-picture.js';
import { decodedCache } from '../../../workers/data/augment/decoded-cache.js';
import { drawPolicy } from '../../../workers/data/augment/policy.js';
import {
  applyTables,
  autocontrast,
  equalize,
  posterize,
  solarize,
  type TableStep,
} from '../../../workers/data/augment/tables.js';
import type { RunExample } from '../../../workers/training/messages.js';

/** Expected values are Pillow 12's: ImageOps and ImageEnhance on the same pixels. */
describe('operations by table', () => {
  const ramp = () => Uint8Array.from({ length: 512 }, (_, i) => ((i * 37 + 11) % 200) + 20);
  it.each<[string, TableStep, readonly number[]]>([
    ['posterize', posterize(4), [16, 64, 96, 128, 176, 208, 48, 80, 112, 160, 192, 32]],
    ['solarize', solarize(128), [31, 68, 105, 113, 76, 39, 53, 90, 127, 91, 54, 38]],
    ['autocontrast', autocontrast, [14, 61, 108, 156, 203, 251, 42, 89, 137, 184, 231, 23]],
    ['equalize', equalize, [15, 63, 110, 158, 205, 252, 43, 91, 138, 186, 233, 24]],
  ])('%s is as in Pillow', (_, step, wanted) => {
    const pixels = ramp();
    applyTables(pixels, 1, [step]);
    for (const [i, x] of wanted.entries()) expect(Math.abs(pixels[i]! - x)).toBeLessThanOrEqual(1);
  });

  it('work on each channel by itself, and leave what is of one value', () => {
    const pixels = Uint8Array.of(10, 7, 20, 7, 30, 7);
    applyTables(pixels, 2, [autocontrast]);
    expect([...pixels]).toEqual([0, 7, 127, 7, 255, 7]);
  });
});

describe('changes of colours', () => {
  const colours: readonly Rgb[] = [
    [200, 40, 90],
    [20, 160, 60],
  ];
  const mean: Rgb = [110, 100, 75];
  it.each<[string, ColourStep, readonly Rgb[]]>([
    [
      'brightness',
      brightness(0.5),
      [
        [100, 20, 45],
        [10, 80, 30],
      ],
    ],
    [
      'contrast',
      contrast(1.5),
      [
        [249, 9, 84],
        [0, 189, 39],
      ],
    ],
    [
      'saturation',
      saturation(0.3),
      [
        [125, 77, 92],
        [80, 122, 92],
      ],
    ],
    [
      'saturation',
      saturation(1.4),
      [
        [242, 18, 88],
        [0, 181, 41],
      ],
    ],
  ])('%s is as in Pillow', (_, step, wanted) => {
    const change = composed([step], mean)!;
    for (const [i, colour] of colours.entries())
      for (const [c, x] of recoloured(change, colour).entries())
        expect(Math.abs(Math.min(255, Math.max(0, x)) - wanted[i]![c]!)).toBeLessThanOrEqual(1.5);
  });

  it('of hue turn all the way round, and leave greys and luma', () => {
    const luma = ([r, g, b]: Rgb) => 0.299 * r + 0.587 * g + 0.114 * b;
    const [colour] = colours as [Rgb];
    const turned = recoloured(composed([hue(0.3)], mean)!, colour);
    expect(luma(turned)).toBeCloseTo(luma(colour), 0);
    expect(Math.abs(turned[0] - colour[0])).toBeGreaterThan(20);
    for (const x of recoloured(composed([hue(0.3)], mean)!, [90, 90, 90])) expect(x).toBeCloseTo(90, 1);
    const back = recoloured(composed([hue(0.5), hue(0.5)], mean)!, colour);
    for (const [c, x] of back.entries()) expect(Math.abs(x - colour[c]!)).toBeLessThan(1);
  });

  it('by chance stay within the strength, and are none at 0', () => {
    expect(colourJitter(random(1), 0)).toEqual([]);
    const next = random(2);
    for (let i = 0; i < 300; i++) {
      const [r, g, b] = recoloured(composed(colourJitter(next, 0.4), [100, 100, 100])!, [100, 100, 100]);
      // Of a picture that is one grey only its brightness changes.
      expect(g).toBeCloseTo(r, 1);
      expect(b).toBeCloseTo(r, 1);
      expect(r).toBeGreaterThanOrEqual(100 * (1 - 0.32) - 0.5);
      expect(r).toBeLessThanOrEqual(100 * (1 + 0.32) + 0.5);
    }
  });
});

describe('the policy', () => {
  it('draws every kind of operation, as many as asked for, and the same for the same numbers', () => {
    const draw = (seed: number) => drawPolicy(random(seed), { operations: 2, magnitude: 9 }, 224);
    const kinds = { warp: 0, sharpness: 0, colours: 0, tables: 0, nothing: 0 };
    for (let seed = 0; seed < 2000; seed++) {
      const { warp, sharpness, colours, tables } = draw(seed);
      const steps = (warp ? 1 : 0) + (sharpness === null ? 0 : 1) + colours.length + tables.length;
      expect(steps).toBeLessThanOrEqual(2);
      if (warp) kinds.warp++;
      if (sharpness !== null) kinds.sharpness++;
      if (colours.length > 0) kinds.colours++;
      if (tables.length > 0) kinds.tables++;
      if (steps === 0) kinds.nothing++;
    }
    // Of 14 operations 5 are warps, 1 sharpens, 3 are colours, 4 tables, 1 leaves all as it is; two are drawn.
    const atLeastOne = (n: number) => 2000 * (1 - ((14 - n) / 14) ** 2);
    for (const [kind, n] of [
      ['warp', 5],
      ['sharpness', 1],
      ['colours', 3],
      ['tables', 4],
    ] as const)
      expect(Math.abs(kinds[kind] - atLeastOne(n))).toBeLessThan(120);
    expect(kinds.nothing).toBeLessThan(40);
    expect(JSON.stringify(draw(7))).toBe(JSON.stringify(draw(7)));
    expect(drawPolicy(random(1), null, 224)).toEqual({ warp: null, sharpness: null, colours: [], tables: [] });
  });
});

describe('decoded pictures', () => {
  const example = (digest: string) => ({ digest }) as RunExample;
  it('are kept up to a bound and decoded once, also when asked for twice at once', async () => {
    const decoded: string[] = [];
    const decode = async ({ digest }: RunExample): Promise<Picture> => {
      decoded.push(digest);
      return { data: new Uint8Array(40), width: 4, height: 10, channels: 1 } as unknown as Picture;
    };
    const cache = decodedCache(decode, 100);
    await Promise.all(['a', 'a', 'b', 'c', 'd'].map((digest) => cache.get(example(digest))));
    expect(decoded).toEqual(['a', 'b', 'c', 'd']);
    expect(cache.bytes).toBe(80);
    for (const digest of ['a', 'b']) expect(cache.get(example(digest))).not.toBeInstanceOf(Promise);
    await cache.get(example('c'));
    expect(decoded).toEqual(['a', 'b', 'c', 'd', 'c']);
    expect(cache.bytes).toBe(80);
  });
});
