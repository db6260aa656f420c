import { readFile } from 'node:fs/promises';
import { GraftError } from '../../../src/errors.js';
import type { SpecialTokens, TextPlace, TokenRows } from './token-messages.js';
import { openTokenThread, TEXT_LIMIT_MS, type TokenThread } from './token-threads.js';

export interface PackTexts {
  /** A file of the tokenizer's files: one JSON object of names and texts. */
  readonly tokenizerPath: string;
  readonly packPath: string;
  readonly limitMs?: number;
}
/** `path` is what a text is called in words. */
export type NamedPlace = TextPlace & { readonly path: string };

/** Texts that are read and tokenized at a time: small beside the ids of a large set, large beside a message. */
const WINDOW = 2048;

/**
 * Reads texts of a pack and makes token ids of them, at most `most` of each, on threads of their own, ahead of who takes them; the
 * parts follow the order of the places. `specials` is told first. Throws `base-invalid` where the tokenizer cannot be
 * opened, `job-impossible` naming the text where it does not come to an end with one.
 */
export async function* tokenRows(
  { tokenizerPath, packPath, limitMs = TEXT_LIMIT_MS }: PackTexts,
  places: readonly NamedPlace[],
  most: (specials: SpecialTokens) => number,
  threads: number,
): AsyncGenerator<TokenRows> {
  const files = await readFile(tokenizerPath);
  const opened: TokenThread[] = [];
  const parts = Math.ceil(places.length / WINDOW);
  try {
    const wanted = Array.from({ length: Math.max(1, Math.min(threads, parts)) }, () => ({ files, packPath }));
    opened.push(...(await Promise.all(wanted.map((data) => openTokenThread(data, limitMs)))));
    const asked = new Map<number, ReturnType<TokenThread['ask']>>();
    const ask = (part: number): void => {
      if (part >= parts) return;
      const thread = opened[part % opened.length]!;
      const own = places.slice(part * WINDOW, (part + 1) * WINDOW);
      const request = {
        places: Float64Array.from(own.flatMap((p) => [p.offset, p.bytes])),
        most: most(thread.specials),
        whole: true,
      };
      const answer = thread.ask(request);
      // Thrown when its turn comes.
      answer.catch(() => {});
      asked.set(part, answer);
    };
    for (const part of opened.keys()) ask(part);
    for (let part = 0; part < parts; part++) {
      const found = await asked.get(part)!;
      asked.delete(part);
      if ('hung' in found) throw endless(places[part * WINDOW + found.hung]!, limitMs);
      ask(part + opened.length);
      yield found;
    }
  } finally {
    await Promise.all(opened.map((thread) => thread.close()));
  }
}

function endless({ path }: NamedPlace, limitMs: number): GraftError {
  const detail = `The base's tokenizer did not come to an end with the text of '${path}' within ${limitMs / 1000} s: an expression in its tokenizer.json takes ever longer on texts like it.`;
  return new GraftError(
    'job-impossible',
    `${detail} Leave that text out of the dataset or break up what repeats in it, or choose a base with another tokenizer.`,
    { errors: [{ path, code: 'text-endless', detail }] },
  );
}
