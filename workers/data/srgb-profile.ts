/** sRGB's primaries as profiles hold them: X, Y and Z under D50 (IEC 61966-2-1, adapted by Bradford). */
const PRIMARIES = [
  ['rXYZ', [0.43607, 0.22249, 0.01392]],
  ['gXYZ', [0.38515, 0.71687, 0.09708]],
  ['bXYZ', [0.14307, 0.06061, 0.7141]],
] as const;
const CURVES = ['rTRC', 'gTRC', 'bTRC'];
/** Ways from colour to colour that count more than primaries and curves. */
const TABLES = ['A2B0', 'A2B1', 'A2B2', 'D2B0', 'D2B1', 'D2B2'];
const PRIMARY_TOLERANCE = 0.0005;
/** Of a grey level of 255, a tenth: no pixel changes. */
const CURVE_TOLERANCE = 0.1 / 255;
const SAMPLES = 64;
const MOST_TAGS = 100;

/**
 * Whether an ICC profile (ICC.1:2022) is sRGB by its numbers, whatever it is called: from such a one nothing need be converted, which
 * would take longer than decoding, since tables are built anew for every picture. False when unsure.
 */
export function isSrgb(profile: Buffer): boolean {
  try {
    return describesSrgb(profile);
  } catch {
    // It ends before what it points at.
    return false;
  }
}

function describesSrgb(profile: Buffer): boolean {
  if (profile.toString('latin1', 16, 24) !== 'RGB XYZ ') return false;
  const tags = new Map<string, number>();
  const count = Math.min(profile.readUInt32BE(128), MOST_TAGS);
  for (let at = 132; at < 132 + 12 * count; at += 12)
    tags.set(profile.toString('latin1', at, at + 4), profile.readUInt32BE(at + 4));
  const fixed = (at: number): number => profile.readInt32BE(at) / 65536;
  const primary = (tag: string, wanted: readonly number[]): boolean => {
    const at = tags.get(tag);
    return at !== undefined && wanted.every((x, i) => Math.abs(fixed(at + 8 + 4 * i) - x) < PRIMARY_TOLERANCE);
  };
  const curve = (at: number | undefined): boolean => {
    if (at === undefined || profile.toString('latin1', at, at + 4) !== 'curv') return false;
    const last = profile.readUInt32BE(at + 8) - 1;
    // One number would be a plain power, which sRGB's is not.
    if (last < SAMPLES) return false;
    return Array.from({ length: SAMPLES + 1 }, (_, i) => Math.round((i * last) / SAMPLES)).every((point) => {
      const linear = profile.readUInt16BE(at + 12 + 2 * point) / 65535;
      return Math.abs(encoded(linear) - point / last) < CURVE_TOLERANCE;
    });
  };
  return (
    !TABLES.some((tag) => tags.has(tag)) &&
    PRIMARIES.every(([tag, wanted]) => primary(tag, wanted)) &&
    // Most often one for all three.
    [...new Set(CURVES.map((tag) => tags.get(tag)))].every(curve)
  );
}

/** sRGB's value of linear light, both 0 to 1. */
function encoded(linear: number): number {
  return linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;
}
