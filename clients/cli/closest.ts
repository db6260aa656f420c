/** More letters apart, and something else was meant. */
const MOST = 2;

/** What was probably meant by a word that is none of `known`; null where nothing is near. */
export function closest(word: string, known: readonly string[]): string | null {
  const near = known
    .map((one) => ({ one, apart: one.startsWith(word) && word.length > 2 ? 1 : distance(word, one) }))
    .filter(({ apart }) => apart <= Math.min(MOST, word.length - 1))
    .sort((a, b) => a.apart - b.apart);
  return near[0]?.one ?? null;
}

/** Levenshtein's: how many letters are to be added, left out or changed. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries())
      next.push(Math.min(row[j + 1]! + 1, next[j]! + 1, row[j]! + (letter === other ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
