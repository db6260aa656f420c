import { LEVELS, type SrgbKernel, STEPS, srgbKernel } from './srgb-kernel.js';

/**
 * The colours of an RGB picture, as an ICC profile (ICC.1:2022) of three curves and a matrix describes them: sRGB, Display P3, Adobe
 * RGB, ProPhoto RGB and what cameras write.
 */
export interface RgbProfile {
  /** Of R, G and B: linear light, 0 to 1, of each of the 256 levels. */
  readonly curves: readonly [Float64Array, Float64Array, Float64Array];
  /** Of R, G and B: X, Y and Z under D50. */
  readonly primaries: readonly [Vector, Vector, Vector];
}
type Vector = readonly [number, number, number];

/** sRGB's (IEC 61966-2-1, adapted by Bradford). */
const SRGB_PRIMARIES: RgbProfile['primaries'] = [
  [0.436066, 0.222488, 0.013916],
  [0.385147, 0.716873, 0.097076],
  [0.143066, 0.060608, 0.714096],
];
/** Ways from colour to colour that count more than primaries and curves. */
const TABLES = ['A2B0', 'A2B1', 'A2B2', 'D2B0', 'D2B1', 'D2B2'];
const MOST_TAGS = 100;

/** Null where it is of another kind, or damaged. */
export function readRgbProfile(profile: Buffer): RgbProfile | null {
  try {
    return described(profile);
  } catch {
    // It ends before what it points at.
    return null;
  }
}

function described(profile: Buffer): RgbProfile | null {
  if (profile.toString('latin1', 16, 24) !== 'RGB XYZ ') return null;
  const tags = new Map<string, number>();
  const count = Math.min(profile.readUInt32BE(128), MOST_TAGS);
  for (let at = 132; at < 132 + 12 * count; at += 12)
    tags.set(profile.toString('latin1', at, at + 4), profile.readUInt32BE(at + 4));
  if (TABLES.some((tag) => tags.has(tag))) return null;
  const places = ['rXYZ', 'gXYZ', 'bXYZ', 'rTRC', 'gTRC', 'bTRC'].map((tag) => tags.get(tag));
  if (!places.every((at) => at !== undefined)) return null;
  const [rXyz, gXyz, bXyz, rCurve, gCurve, bCurve] = places as [number, number, number, number, number, number];
  const xyz = (at: number): Vector => [fixed(profile, at + 8), fixed(profile, at + 12), fixed(profile, at + 16)];
  const red = curve(profile, rCurve);
  // Most often one for all three.
  const other = (at: number) => (at === rCurve ? red : curve(profile, at));
  return { curves: [red, other(gCurve), other(bCurve)], primaries: [xyz(rXyz), xyz(gXyz), xyz(bXyz)] };
}

/** s15Fixed16Number. */
const fixed = (profile: Buffer, at: number): number => profile.readInt32BE(at) / 65536;

/** curveType or parametricCurveType. Throws a RangeError at anything else. */
function curve(profile: Buffer, at: number): Float64Array {
  const type = profile.toString('latin1', at, at + 4);
  const of = type === 'curv' ? sampled(profile, at) : type === 'para' ? parametric(profile, at) : null;
  if (of === null) throw new RangeError(`No curve: ${type}`);
  return Float64Array.from({ length: LEVELS }, (_, level) => Math.min(Math.max(of(level / (LEVELS - 1)), 0), 1));
}

function sampled(profile: Buffer, at: number): (x: number) => number {
  const points = profile.readUInt32BE(at + 8);
  if (points === 0) return (x) => x;
  const point = (i: number): number => profile.readUInt16BE(at + 12 + 2 * i);
  // One number is an exponent with 8 bits behind the point.
  if (points === 1) return (x) => x ** (point(0) / 256);
  return (x) => {
    const place = x * (points - 1);
    const left = Math.min(Math.floor(place), points - 2);
    return (point(left) + (place - left) * (point(left + 1) - point(left))) / 65535;
  };
}

function parametric(profile: Buffer, at: number): (x: number) => number {
  const p = (i: number): number => fixed(profile, at + 12 + 4 * i);
  const g = p(0);
  const power = (x: number): number => Math.max(p(1) * x + p(2), 0) ** g;
  const kinds: readonly ((x: number) => number)[] = [
    (x) => x ** g,
    power,
    (x) => power(x) + p(3),
    (x) => (x >= p(4) ? power(x) : p(3) * x),
    (x) => (x >= p(4) ? power(x) + p(5) : p(3) * x + p(6)),
  ];
  const kind = kinds[profile.readUInt16BE(at + 8)];
  if (kind === undefined) throw new RangeError('No curve of this kind');
  return kind;
}

const PRIMARY_TOLERANCE = 0.0005;
/** Of a grey level of 255, a tenth: no pixel changes. */
const CURVE_TOLERANCE = 0.1 / 255;

/** Whether it is sRGB by its numbers, whatever it is called: from such a one nothing need be converted. */
export function isSrgb({ curves, primaries }: RgbProfile): boolean {
  return (
    primaries.every((xyz, c) => xyz.every((x, i) => Math.abs(x - SRGB_PRIMARIES[c]![i]!) < PRIMARY_TOLERANCE)) &&
    [...new Set(curves)].every((linear) =>
      linear.every((light, level) => Math.abs(encoded(light) - level / (LEVELS - 1)) < CURVE_TOLERANCE),
    )
  );
}

/** sRGB's value of linear light, both 0 to 1. */
function encoded(linear: number): number {
  return linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;
}

let kernel: SrgbKernel | undefined;

/**
 * Makes pixels sRGB's; colours that it does not have become the nearest in each of R, G and B, as Little CMS does with such
 * profiles. sharp asks that library, which makes tables anew for every picture: 9 ms each.
 *
 * @param rgb uint8 [N, 3]; changed.
 */
export function toSrgb(rgb: Uint8Array, { curves, primaries }: RgbProfile): void {
  if (kernel === undefined) {
    kernel = srgbKernel();
    for (let step = 0; step <= STEPS; step++) kernel.levels[step] = Math.round(255 * encoded(step / STEPS));
  }
  const toLight = inverse(SRGB_PRIMARIES);
  for (const [from, curve] of curves.entries())
    for (const [to, row] of toLight.entries()) {
      const weight = STEPS * row.reduce((sum, x, i) => sum + x * primaries[from]![i]!, 0);
      for (let level = 0; level < LEVELS; level++)
        kernel.shares[(from * LEVELS + level) * 4 + to] = Math.round(weight * curve[level]!);
    }
  kernel.convert(rgb);
}

/** Of the matrix whose columns these are: its rows. */
function inverse([a, b, c]: RgbProfile['primaries']): readonly [Vector, Vector, Vector] {
  const cross = (u: Vector, v: Vector): Vector => [
    u[1] * v[2] - u[2] * v[1],
    u[2] * v[0] - u[0] * v[2],
    u[0] * v[1] - u[1] * v[0],
  ];
  const bc = cross(b, c);
  const volume = a[0] * bc[0] + a[1] * bc[1] + a[2] * bc[2];
  const row = (v: Vector): Vector => [v[0] / volume, v[1] / volume, v[2] / volume];
  return [row(bc), row(cross(c, a)), row(cross(a, b))];
}
