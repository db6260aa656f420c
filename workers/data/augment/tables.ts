/**
 * Operations that give each value another one, channel by channel. libvips as sharp shows it has none of them, and they
 * cost one look-up a value (equalize and autocontrast a count before).
 */
export type TableStep = (histogram: Uint32Array) => Uint8Array;

const table = (f: (value: number) => number): Uint8Array => Uint8Array.from({ length: 256 }, (_, value) => f(value));

/** Keeps the highest `bits` bits of 8. */
export const posterize = (bits: number): TableStep => {
  const made = table((value) => value & (0xff00 >> bits));
  return () => made;
};

/** Inverts what is at least `threshold`; 256 changes nothing. */
export const solarize = (threshold: number): TableStep => {
  const made = table((value) => (value >= threshold ? 255 - value : value));
  return () => made;
};

/** Darkest to 0, brightest to 255, what is between in proportion (Pillow's ImageOps.autocontrast). */
export const autocontrast: TableStep = (histogram) => {
  const low = histogram.findIndex((count) => count > 0);
  const high = histogram.findLastIndex((count) => count > 0);
  if (high <= low) return table((value) => value);
  const scale = 255 / (high - low);
  return table((value) => Math.min(255, Math.max(0, Math.floor((value - low) * scale + 1e-9))));
};

/** An even histogram (Pillow's ImageOps.equalize). */
export const equalize: TableStep = (histogram) => {
  const used = histogram.filter((count) => count > 0);
  const step = Math.floor((used.reduce((sum, count) => sum + count, 0) - (used.at(-1) ?? 0)) / 255);
  if (used.length <= 1 || step === 0) return table((value) => value);
  let sum = step >> 1;
  return table((value) => {
    const level = Math.floor(sum / step);
    sum += histogram[value]!;
    return Math.min(255, level);
  });
};

/** Puts the pixels of a picture, uint8 [pixels, channels], through the steps, in place. */
export function applyTables(pixels: Uint8Array, channels: number, steps: readonly TableStep[]): void {
  for (const step of steps) {
    for (let c = 0; c < channels; c++) {
      const histogram = new Uint32Array(256);
      for (let i = c; i < pixels.length; i += channels) histogram[pixels[i]!]! += 1;
      const made = step(histogram);
      for (let i = c; i < pixels.length; i += channels) pixels[i] = made[pixels[i]!]!;
    }
  }
}
