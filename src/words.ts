/** A count with its noun: `1 file`, `2 files`; `many` where the plural takes more than an s. */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

/** A text as Postgres keeps it: NUL and halves of surrogate pairs, which it refuses, become U+FFFD. */
export const keepable = (text: string): string => text.replace(/[\p{Surrogate}\0]/gu, '\uFFFD');

/** Index of the first half of a surrogate pair without its other half; -1 where all are paired. */
export const loneSurrogate = (text: string): number => text.search(/\p{Surrogate}/u);

/** How a text begins, for a message: at most `most` characters, none of them cut in two, with an ellipsis where more follow. */
export function beginning(text: string, most: number): string {
  const characters = [...text.slice(0, 2 * most + 2)];
  return keepable(characters.length > most ? `${characters.slice(0, most).join('')}…` : text);
}

/** A name as a reference token of a JSON pointer (RFC 6901). */
export const pointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');
