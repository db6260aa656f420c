import { GraftError } from '../../src/errors.js';
import type { SpecialTokens, TokenRequest, TokenRows } from '../data/text/token-messages.js';
import { openTokenThread, TEXT_LIMIT_MS, type TokenThread } from '../data/text/token-threads.js';
import { type Asking, createBatcher, type Outcome } from './batcher.js';

/** A text's own ids, without special tokens. */
export interface TextIds {
  readonly ids: Int32Array;
  /** How many it has, or some number above `most` where it has more than that. */
  readonly length: number;
}
/** A loaded tokenizer, which bases that came with the same files share. */
export interface Tokenizer {
  readonly specials: SpecialTokens;
  /** Memory that its threads may hold. */
  readonly bytes: number;
  /** The first `most` ids. Rejects with `input-invalid` where the tokenizer does not come to an end with the text. */
  encode(text: string, most: number, asking: Asking): Promise<TextIds>;
  close(): void;
}
interface Item {
  readonly text: string;
  readonly most: number;
}
export interface TokenizerOptions {
  /** The tokenizer's files: one JSON object of names and texts. */
  readonly files: Uint8Array;
  readonly threads: number;
  readonly limitMs?: number;
}

/** Characters of one request to a thread: some milliseconds of work. */
const RUN = 32 * 1024;
/** Characters that are not worth a second thread. */
const LEAST = 16 * 1024;
/** A thread besides the first ends when it had nothing to do for so long. */
const IDLE_MS = 30_000;
const MOST_THREADS = 2;

/**
 * A tokenizer in threads of its own, a second one only while there is much to do. Texts are read in turns of those who ask; one
 * that the tokenizer hangs on is refused by itself, and the others are read by a fresh thread.
 */
export async function openTextTokenizer(o: TokenizerOptions): Promise<Tokenizer> {
  const open = () => openTokenThread({ files: o.files }, o.limitMs);
  const first = await open();
  const lanes = Math.min(MOST_THREADS, o.threads);
  const threads: (Promise<TokenThread> | null)[] = Array.from({ length: lanes }, () => null);
  const ending: (NodeJS.Timeout | undefined)[] = [];
  threads[0] = Promise.resolve(first);

  const drop = (lane: number) => {
    threads[lane]?.then((thread) => thread.close()).catch(() => undefined);
    threads[lane] = null;
  };

  async function asked(request: TokenRequest, lane: number): ReturnType<TokenThread['ask']> {
    clearTimeout(ending[lane]);
    threads[lane] ??= open();
    try {
      const found = await (await threads[lane]).ask(request);
      if ('hung' in found) threads[lane] = null;
      else if (lane > 0) ending[lane] = setTimeout(() => drop(lane), IDLE_MS).unref();
      return found;
    } catch (error) {
      // It is not whole any more, whatever it was: the next texts get another.
      drop(lane);
      throw error;
    }
  }

  async function run(items: readonly Item[], lane: number): Promise<readonly Outcome<TextIds>[]> {
    const outcomes = new Array<Outcome<TextIds>>(items.length);
    const { most } = items[0] as Item;
    for (let left = [...items.keys()]; left.length > 0; ) {
      const texts = left.map((i) => (items[i] as Item).text);
      const found = await asked({ texts, most, whole: false }, lane);
      if ('hung' in found) {
        outcomes[left[found.hung] as number] = { error: endless(o.limitMs ?? TEXT_LIMIT_MS) };
        left = left.filter((_, k) => k !== found.hung);
      } else {
        left.forEach((i, k) => {
          outcomes[i] = { value: idsOf(found, k) };
        });
        left = [];
      }
    }
    return outcomes;
  }

  const standing = ({ text, most }: Item) => ({ bucket: most, cost: text.length });
  const batcher = createBatcher(run, { max: RUN, lanes, standing, least: LEAST });
  return {
    specials: first.specials,
    bytes: lanes * first.bytes,
    encode: async (text, most, asking) => (await batcher.submit({ text, most }, asking)).value,
    close: () => {
      for (const lane of threads.keys()) drop(lane);
    },
  };
}

const idsOf = ({ ids, starts, lengths }: TokenRows, i: number): TextIds => ({
  ids: ids.subarray(starts[i], starts[i + 1]),
  length: lengths[i] as number,
});

function endless(limitMs: number): GraftError {
  const detail = `The base's tokenizer did not come to an end with this text within ${limitMs / 1000} s: an expression in its tokenizer.json takes ever longer on texts like it. Shorten the text, or break up what repeats in it; a base with another tokenizer reads it as it is.`;
  return new GraftError('input-invalid', detail, { errors: [{ path: '', code: 'text-endless', detail }] });
}
