import { SIGNATURE, shingleHashes, signature } from './minhash.js';

/** What is kept of an example to find its copies: where it stands in the file, and hashes. */
export interface CopyFinder {
  /** `split` 0: train or none, 1: validation, 2: test. `hash`: 64 bits of the text's digest. */
  add(index: number, place: Place, split: number, hash: bigint, text: string): void;
  find(): Copies;
}
export interface Copies {
  readonly groups: readonly { readonly kind: 'exact' | 'near'; readonly members: readonly Member[] }[];
  /** Examples beyond the first of each group, and pairs across splits: of all groups, not only those listed. */
  readonly extra: number;
  readonly leaks: readonly { readonly kind: 'exact' | 'near'; readonly train: Member; readonly other: Member }[];
  readonly leakCount: number;
  /** Near duplicates were looked for among this many examples from the beginning; null: among all. */
  readonly nearAmong: number | null;
}
/** Where an example stands: the number of its file in the upload, and its row there. */
export interface Place {
  readonly file: number;
  readonly row: number;
}
export interface Member extends Place {
  readonly index: number;
  readonly split: number;
}

/** Lists in a report end here. */
const SHOWN = 1000;
/** Signatures of more examples would take more memory than a check may. */
const MOST_NEAR = 100_000;
const BANDS = 16;
const ROWS = SIGNATURE / BANDS;
/** Estimated share of common shingles from which two texts count as nearly the same. */
const ALIKE = 0.8;
/** A band shared by more texts than this says nothing (boilerplate), and comparing them all would take quadratic time. */
const MOST_IN_BAND = 200;

/**
 * Exact copies by digest; near ones by MinHash signatures (Broder 1997) in bands (locality-sensitive hashing): texts that agree in a band are
 * compared by their whole signatures. 21 bytes an example, and 256 more for each of the first 100,000.
 */
export function copyFinder(): CopyFinder {
  let size = 0;
  let hashes = new BigUint64Array(1024);
  let splits = new Uint8Array(1024);
  let indexes = new Int32Array(1024);
  let files = new Int32Array(1024);
  let rows = new Int32Array(1024);
  let signatures = new Uint32Array(1024 * SIGNATURE);
  const grow = (): void => {
    hashes = grown(hashes, new BigUint64Array(size * 2));
    splits = grown(splits, new Uint8Array(size * 2));
    indexes = grown(indexes, new Int32Array(size * 2));
    files = grown(files, new Int32Array(size * 2));
    rows = grown(rows, new Int32Array(size * 2));
  };
  const member = (i: number): Member => ({ index: indexes[i]!, file: files[i]!, row: rows[i]!, split: splits[i]! });
  return {
    add(index, { file, row }, split, hash, text) {
      if (size === hashes.length) grow();
      hashes[size] = hash;
      splits[size] = split;
      indexes[size] = index;
      files[size] = file;
      rows[size] = row;
      if (size < MOST_NEAR) {
        if ((size + 1) * SIGNATURE > signatures.length)
          signatures = grown(signatures, new Uint32Array(Math.min(MOST_NEAR, size * 2) * SIGNATURE));
        signature(shingleHashes(text), signatures.subarray(size * SIGNATURE, (size + 1) * SIGNATURE));
      }
      size++;
    },
    find() {
      const exact = sameHashes(hashes.subarray(0, size));
      const among = Math.min(size, MOST_NEAR);
      // Of exact copies the first stands for all.
      const later = new Set(exact.flatMap((group) => group.slice(1)));
      const near = nearGroups(signatures, among, (i) => later.has(i));
      const all = [
        ...exact.map((group) => ({ kind: 'exact' as const, group })),
        ...near.map((group) => ({ kind: 'near' as const, group })),
      ];
      const leaks: { kind: 'exact' | 'near'; train: Member; other: Member }[] = [];
      let leakCount = 0;
      for (const { kind, group } of all) {
        const train = group.find((i) => splits[i] === 0);
        if (train === undefined) continue;
        for (const other of group.filter((i) => splits[i] !== 0)) {
          leakCount++;
          if (leaks.length < SHOWN) leaks.push({ kind, train: member(train), other: member(other) });
        }
      }
      return {
        groups: all.slice(0, SHOWN).map(({ kind, group }) => ({ kind, members: group.slice(0, SHOWN).map(member) })),
        extra: all.reduce((n, { group }) => n + group.length - 1, 0),
        leaks,
        leakCount,
        nearAmong: size > MOST_NEAR ? MOST_NEAR : null,
      };
    },
  };
}

function grown<T extends { set(from: T): void }>(from: T, into: T): T {
  into.set(from);
  return into;
}

/** Groups of two or more positions with one hash, each in ascending order. */
function sameHashes(hashes: BigUint64Array): number[][] {
  const order = Uint32Array.from(hashes, (_, i) => i).sort((a, b) => {
    const [x, y] = [hashes[a]!, hashes[b]!];
    return x < y ? -1 : x > y ? 1 : a - b;
  });
  const groups: number[][] = [];
  for (let i = 0; i < order.length; ) {
    let end = i + 1;
    while (end < order.length && hashes[order[end]!] === hashes[order[i]!]) end++;
    if (end - i > 1) groups.push([...order.subarray(i, end)]);
    i = end;
  }
  return groups.sort((a, b) => a[0]! - b[0]!);
}

function nearGroups(signatures: Uint32Array, count: number, skip: (i: number) => boolean): number[][] {
  const parent = Int32Array.from({ length: count }, (_, i) => i);
  const root = (i: number): number => {
    let at = i;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]!]!;
      at = parent[at]!;
    }
    return at;
  };
  for (let band = 0; band < BANDS; band++) {
    const buckets = new Map<number, number[]>();
    for (let i = 0; i < count; i++) {
      const at = i * SIGNATURE + band * ROWS;
      // A text of no shingles is like no other.
      if (signatures[at] === 0xffffffff || skip(i)) continue;
      let key = 0;
      for (let r = 0; r < ROWS; r++) key = (Math.imul(key, 0x01000193) ^ signatures[at + r]!) >>> 0;
      const bucket = buckets.get(key);
      if (bucket === undefined) buckets.set(key, [i]);
      else bucket.push(i);
    }
    for (const bucket of buckets.values()) {
      if (bucket.length < 2 || bucket.length > MOST_IN_BAND) continue;
      for (let a = 0; a < bucket.length; a++)
        for (let b = a + 1; b < bucket.length; b++) {
          const [x, y] = [bucket[a]!, bucket[b]!];
          const [p, q] = [root(x), root(y)];
          if (p === q || likeness(signatures, x, y) < ALIKE) continue;
          parent[Math.max(p, q)] = Math.min(p, q);
        }
    }
  }
  const groups = new Map<number, number[]>();
  for (let i = 0; i < count; i++) {
    const top = root(i);
    if (top === i) continue;
    const group = groups.get(top);
    if (group === undefined) groups.set(top, [top, i]);
    else group.push(i);
  }
  return [...groups.values()].sort((a, b) => a[0]! - b[0]!);
}

/** Estimate of the Jaccard similarity of two texts' shingles. */
function likeness(signatures: Uint32Array, a: number, b: number): number {
  let same = 0;
  for (let k = 0; k < SIGNATURE; k++) if (signatures[a * SIGNATURE + k] === signatures[b * SIGNATURE + k]) same++;
  return same / SIGNATURE;
}
