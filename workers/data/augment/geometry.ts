import { below, uniform } from './draws.js';

/** In pixels. */
export interface Rect {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}
export interface AreaRange {
  readonly minArea: number;
  readonly maxArea: number;
}

const ASPECT = { min: 3 / 4, max: 4 / 3 } as const;
const TRIES = 10;

/**
 * Short side, in pixels, at which pictures are kept for random crops: a square crop of the mean area has then exactly
 * `crop` pixels (1.22 times `crop` for areas from 0.35 to 1). A larger one would only help the smaller half of the crops,
 * and costs memory with its square: for all crops of 0.35 to be sharp it would take 1.69 times `crop`, 1.9 times the bytes.
 */
export function shortSideFor(crop: number, range: AreaRange): number {
  return Math.ceil(crop / Math.sqrt((range.minArea + range.maxArea) / 2));
}

/**
 * Random resized crop of a width x height picture (arXiv 1409.4842, as torchvision's RandomResizedCrop draws it): area
 * uniform in the range, logarithm of the aspect uniform; where ten tries do not fit, the largest centred part whose aspect
 * is allowed.
 */
export function randomCrop(next: () => number, width: number, height: number, range: AreaRange): Rect {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const area = width * height * uniform(next, range.minArea, range.maxArea);
    const aspect = Math.exp(uniform(next, Math.log(ASPECT.min), Math.log(ASPECT.max)));
    const w = Math.round(Math.sqrt(area * aspect));
    const h = Math.round(Math.sqrt(area / aspect));
    if (w >= 1 && h >= 1 && w <= width && h <= height)
      return { left: below(next, width - w + 1), top: below(next, height - h + 1), width: w, height: h };
  }
  const w = Math.max(1, Math.min(width, Math.round(height * ASPECT.max)));
  const h = Math.max(1, Math.min(height, Math.round(width / ASPECT.min)));
  return { left: (width - w) >> 1, top: (height - h) >> 1, width: w, height: h };
}

/** Where a point (x, y) off the centre goes: (a x + b y + dx, c x + d y + dy), in pixels. */
export interface Warp {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly dx: number;
  readonly dy: number;
}
const STILL: Warp = { a: 1, b: 0, c: 0, d: 1, dx: 0, dy: 0 };

export const shearX = (by: number): Warp => ({ ...STILL, b: by });
export const shearY = (by: number): Warp => ({ ...STILL, c: by });
export const translate = (dx: number, dy: number): Warp => ({ ...STILL, dx, dy });
export function rotate(degrees: number): Warp {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return { a: cos, b: -sin, c: sin, d: cos, dx: 0, dy: 0 };
}

/** `second` after `first`. */
export function warpThen(first: Warp, second: Warp): Warp {
  const { a, b, c, d } = second;
  return {
    a: a * first.a + b * first.c,
    b: a * first.b + b * first.d,
    c: c * first.a + d * first.c,
    d: c * first.b + d * first.d,
    dx: a * first.dx + b * first.dy + second.dx,
    dy: c * first.dx + d * first.dy + second.dy,
  };
}

/** Whether only the place changes. */
export const isShift = (w: Warp): boolean => w.a === 1 && w.b === 0 && w.c === 0 && w.d === 1;

export interface Plane {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/**
 * The middle size x size of a picture whose middle was moved by (dx, dy); what lies outside of it is `fill`, one value a
 * channel. Rows are copied, nothing is computed.
 */
export function middle(picture: Plane, size: number, dx: number, dy: number, fill: readonly number[]): Uint8Array {
  const { data, width, height, channels } = picture;
  const left = Math.round((width - size) / 2 - dx);
  const top = Math.round((height - size) / 2 - dy);
  if (left === 0 && top === 0 && width === size && height === size) return data;
  const out = new Uint8Array(size * size * channels);
  for (let i = 0; i < out.length; i++) out[i] = fill[i % channels]!;
  const from = Math.max(0, -left);
  const until = Math.min(size, width - left);
  if (until <= from) return out;
  for (let y = Math.max(0, -top); y < Math.min(size, height - top); y++) {
    const start = ((y + top) * width + left + from) * channels;
    out.set(data.subarray(start, start + (until - from) * channels), (y * size + from) * channels);
  }
  return out;
}
