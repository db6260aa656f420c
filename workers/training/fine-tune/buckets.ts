/** Shorter texts than this are padded to it: a graph of their own would save next to nothing. */
const LEAST = 16;

/**
 * The length that each text is padded to, from its number of tokens: a power of two up to `most`, so that few graphs serve all
 * and short texts do not pay for long ones. Lengths of fewer than `least` texts are not worth a graph: those are padded to
 * the next that is there.
 */
export function bucketed(counts: Int32Array, most: number, least: number): Int32Array {
  const own = counts.map((n) =>
    Math.min(most, Math.max(Math.min(LEAST, most), 2 ** Math.ceil(Math.log2(Math.max(1, n))))),
  );
  const texts = new Map<number, number>();
  for (const length of own) texts.set(length, (texts.get(length) ?? 0) + 1);
  const sorted = [...texts.keys()].sort((a, b) => a - b);
  const into = new Map<number, number>();
  let waiting: number[] = [];
  let together = 0;
  for (const length of sorted) {
    waiting.push(length);
    together += texts.get(length)!;
    if (together < least && length !== sorted.at(-1)) continue;
    for (const short of waiting) into.set(short, length);
    waiting = [];
    together = 0;
  }
  return own.map((length) => into.get(length)!);
}
