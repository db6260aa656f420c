/**
 * Near duplicates by difference hashes (64 bits): pairs that differ in at most `DISTANCE` bits. Such a pair agrees in at
 * least one of DISTANCE + 1 bands of bits, so only pictures that share a band are compared (pigeonhole principle).
 */
export interface Hashed {
  readonly index: number;
  readonly hash: readonly [number, number];
  /** Mean RGB of fields of the picture, 0 to 255. */
  readonly colours: readonly number[];
  readonly contrast: number;
}

/** Bits. On the 398 photos of ants and bees: 3 finds no pair of different pictures. */
export const DISTANCE = 3;
/** Levels, in the mean over fields and channels: a copy in another size, quality or brightness stays below. */
const COLOUR_DISTANCE = 16;
/** Flat pictures all look alike to the hash. */
const MIN_CONTRAST = 24;
/** A band shared by more pictures than this says nothing, and comparing them all would take quadratic time. */
const MAX_BUCKET = 400;

function bits(value: number): number {
  let v = value - ((value >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return (((v + (v >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}

export function distance(a: readonly [number, number], b: readonly [number, number]): number {
  return bits((a[0] ^ b[0]) >>> 0) + bits((a[1] ^ b[1]) >>> 0);
}

function sameColours(a: readonly number[], b: readonly number[]): boolean {
  const sum = a.reduce((total, value, i) => total + Math.abs(value - b[i]!), 0);
  return sum <= COLOUR_DISTANCE * a.length;
}

/** Groups of near duplicates (transitively), each of two or more indexes in ascending order. */
export function nearDuplicates(pictures: readonly Hashed[]): readonly (readonly number[])[] {
  const parent = new Map<number, number>();
  const root = (index: number): number => {
    let at = index;
    while (parent.get(at) !== undefined && parent.get(at) !== at) at = parent.get(at)!;
    return at;
  };
  const clear = pictures.filter((picture) => picture.contrast >= MIN_CONTRAST);
  for (let band = 0; band < 4; band++) {
    const buckets = new Map<number, Hashed[]>();
    for (const picture of clear) {
      const key = (picture.hash[band >> 1]! >>> ((band & 1) * 16)) & 0xffff;
      const bucket = buckets.get(key);
      if (bucket === undefined) buckets.set(key, [picture]);
      else bucket.push(picture);
    }
    for (const bucket of buckets.values()) {
      if (bucket.length > MAX_BUCKET) continue;
      for (let i = 0; i < bucket.length; i++) {
        for (let j = i + 1; j < bucket.length; j++) {
          if (distance(bucket[i]!.hash, bucket[j]!.hash) > DISTANCE) continue;
          if (!sameColours(bucket[i]!.colours, bucket[j]!.colours)) continue;
          const [a, b] = [root(bucket[i]!.index), root(bucket[j]!.index)].sort((x, y) => x - y) as [number, number];
          if (a !== b) parent.set(b, a);
        }
      }
    }
  }
  const groups = new Map<number, number[]>();
  for (const { index } of clear) {
    const top = root(index);
    const group = groups.get(top);
    if (group === undefined) groups.set(top, [index]);
    else group.push(index);
  }
  return [...groups.values()].filter((group) => group.length > 1).map((group) => group.sort((a, b) => a - b));
}
