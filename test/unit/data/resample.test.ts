import { expect, test } from 'vitest';
import { resample } from '../../../workers/data/resample.js';
import type { Size } from '../../../workers/data/scaling.js';
import { random as generator } from '../../support/onnx.js';

const next = generator(1);
/** 0 to `below` - 1. */
const random = (below: number): number => Math.floor(next() * below);

/** Along one axis of [outer, from, inner], as Pillow describes it: a widened triangle, weights of 22 bits, half rounded up. */
function along(pixels: Uint8Array, outer: number, from: number, inner: number, to: number): Uint8Array {
  const result = new Uint8Array(outer * to * inner);
  const scale = from / to;
  const support = Math.max(scale, 1);
  for (let x = 0; x < to; x++) {
    const centre = (x + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const last = Math.min(from, Math.trunc(centre + support + 0.5));
    const weights: number[] = [];
    for (let i = first; i < last; i++) weights.push(Math.max(0, 1 - Math.abs((i - centre + 0.5) * (1 / support))));
    const all = weights.reduce((sum, weight) => sum + weight, 0);
    const whole = weights.map((weight) => Math.trunc(0.5 + (weight / all) * 2 ** 22));
    for (let o = 0; o < outer; o++)
      for (let c = 0; c < inner; c++) {
        const sum = whole.reduce(
          (sum, weight, i) => sum + weight * pixels[(o * from + first + i) * inner + c]!,
          2 ** 21,
        );
        result[(o * to + x) * inner + c] = Math.min(255, Math.floor(sum / 2 ** 22));
      }
  }
  return result;
}

test('any size to any other, and any place of it', () => {
  for (let round = 0; round < 60; round++) {
    const side = () => 1 + random(round % 3 === 0 ? 300 : 40);
    const [from, to]: [Size, Size] = [
      { width: side(), height: side() },
      { width: 1 + random(60), height: 1 + random(60) },
    ];
    const [left, top] = [random(to.width), random(to.height)];
    const place = { left, top, width: 1 + random(to.width - left), height: 1 + random(to.height - top) };
    const pixels = Uint8Array.from({ length: from.width * from.height * 3 }, () => random(4) * 85);
    const whole = along(along(pixels, from.height, from.width, 3, to.width), 1, from.height, 3 * to.width, to.height);
    const wanted = Uint8Array.from({ length: place.width * place.height * 3 }, (_, i) => {
      const [x, y] = [Math.floor(i / 3) % place.width, Math.floor(i / 3 / place.width)];
      return whole[((top + y) * to.width + left + x) * 3 + (i % 3)]!;
    });
    expect(resample(pixels, from, to, place), JSON.stringify({ from, to, place })).toEqual(wanted);
  }
});

test('the same size changes nothing', () => {
  const size = { width: 37, height: 11 };
  const pixels = Uint8Array.from({ length: 37 * 11 * 3 }, () => random(256));
  expect(resample(pixels, size, size, { left: 0, top: 0, ...size })).toEqual(pixels);
});
