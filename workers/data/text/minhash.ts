/** Numbers in a signature: the estimate of the similarity has a standard error of at most 1/16. */
export const SIGNATURE = 64;
/** Longer texts are sampled: their first so many words tell them apart well enough. */
const MOST_WORDS = 2000;

/** Multipliers (odd) and offsets of 64 hash functions, from a fixed generator so that every check is the same. */
const [MULTIPLY, ADD] = (() => {
  let state = 0x9e3779b9;
  const next = (): number => {
    state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
    state ^= state >>> 16;
    return state >>> 0;
  };
  const a = Uint32Array.from({ length: SIGNATURE }, () => next() | 1);
  return [a, Uint32Array.from({ length: SIGNATURE }, next)] as const;
})();

function fnv(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  // The multiplications of the signature use the high bits.
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) >>> 0;
}

/**
 * Hashes of a text's shingles: runs of two words, lower case and without punctuation; of scripts without spaces, runs of
 * four characters. Empty where a text has too few to be compared.
 */
export function shingleHashes(text: string): readonly number[] {
  const words =
    text
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu)
      ?.slice(0, MOST_WORDS) ?? [];
  const found: number[] = [];
  if (words.length >= 4) {
    for (let i = 0; i + 1 < words.length; i++) found.push(fnv(words[i + 1]!, fnv(words[i]!, 0x811c9dc5)));
    return found;
  }
  const letters = [...words.join('')].slice(0, MOST_WORDS);
  if (letters.length < 12) return [];
  for (let i = 0; i + 4 <= letters.length; i++) found.push(fnv(letters.slice(i, i + 4).join(''), 0x811c9dc5));
  return found;
}

/** The least value of every hash function over the shingles; all ones where there are none. */
export function signature(shingles: readonly number[], into: Uint32Array): void {
  into.fill(0xffffffff);
  for (const shingle of shingles)
    for (let k = 0; k < SIGNATURE; k++) {
      const value = (Math.imul(shingle, MULTIPLY[k]!) + ADD[k]!) >>> 0;
      if (value < into[k]!) into[k] = value;
    }
}
