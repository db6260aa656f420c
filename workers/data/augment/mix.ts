import { below, beta } from './draws.js';
import type { Rect } from './geometry.js';
import type { Mixing } from './settings.js';

/** How an example's view is mixed with another example's. */
export interface MixDraw {
  /** Row of the other example. */
  readonly partner: number;
  /** Share of the own picture, and so of the own label: exactly what `mixed` makes of the pixels. */
  readonly share: number;
  /** What the other picture covers (cutmix); null: all pixels are blended (mixup). */
  readonly rect: Rect | null;
}

/** Shares of mixup are whole 256ths, so that blending stays in whole numbers. */
const LEVELS = 256;

/**
 * Draws which of the ways, the other example out of `examples`, and the share from Beta(alpha, alpha): mixup blends by it (arXiv 1710.09412),
 * cutmix covers a rectangle of it, of the picture's own aspect, whose centre is anywhere; the share is then what is left
 * visible, to the pixel (arXiv 1905.04899). Null where there is no way to mix.
 */
export function drawMix(next: () => number, ways: readonly Mixing[], examples: number, size: number): MixDraw | null {
  const way = ways.length > 1 ? ways[below(next, ways.length)] : ways[0];
  if (way === undefined) return null;
  const { kind, alpha } = way;
  const partner = below(next, examples);
  const share = beta(next, alpha);
  if (kind === 'mixup') return { partner, share: Math.round(share * LEVELS) / LEVELS, rect: null };
  const half = (size * Math.sqrt(1 - share)) / 2;
  const [x, y] = [next() * size, next() * size];
  const within = (value: number) => Math.min(size, Math.max(0, Math.round(value)));
  const [left, top] = [within(x - half), within(y - half)];
  const rect = { left, top, width: within(x + half) - left, height: within(y + half) - top };
  return { partner, share: 1 - (rect.width * rect.height) / (size * size), rect };
}

/** The mixed pixels, uint8 [size, size, channels], into `out`, which may be `own`. */
export function mixed(
  out: Uint8Array,
  own: Uint8Array,
  other: Uint8Array,
  draw: MixDraw,
  size: number,
  channels: number,
): void {
  if (!draw.rect) {
    const weight = Math.round(draw.share * LEVELS);
    for (let i = 0; i < out.length; i++)
      out[i] = (own[i]! * weight + other[i]! * (LEVELS - weight) + LEVELS / 2) / LEVELS;
    return;
  }
  out.set(own);
  const { left, top, width, height } = draw.rect;
  for (let y = top; y < top + height; y++) {
    const start = (y * size + left) * channels;
    out.set(other.subarray(start, start + width * channels), start);
  }
}
