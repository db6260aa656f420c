import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, GraftError } from '../../../src/errors.js';
import { entryOf } from '../../entry.js';

/** Where texts lie in a pack. */
export interface TextPlace {
  readonly offset: number;
  readonly bytes: number;
}
/** Token ids of some texts, one text after the other. */
export interface TokenRows {
  readonly ids: Int32Array;
  /** Where each text begins in `ids`; one more than there are texts. */
  readonly starts: Int32Array;
  /** Tokens of each text before it was cut off. */
  readonly lengths: Int32Array;
  /** Texts that were cut off. */
  readonly cut: number;
  /** Tokens of `ids` that stand for what the tokenizer does not know. */
  readonly unknown: number;
}
export interface TokenData {
  /** A file of the tokenizer's files: one JSON object of names and texts. */
  readonly tokenizerPath: string;
  readonly packPath: string;
  /** Most tokens of one text. */
  readonly most: number;
}
/** Offset and length of each text. */
export type TokenRequest = Float64Array;
export type FromTokens =
  | { readonly rows: TokenRows }
  | { readonly known: { readonly code: ErrorCode; readonly detail: string } | null; readonly words: string };

/** Texts that are read and tokenized at a time: small beside the ids of a large set, large beside a message. */
const WINDOW = 8192;

/**
 * Reads texts of a pack and makes tokens of them on a thread of its own, a window ahead of who takes them. The windows follow
 * the order of the places. Throws `base-invalid` where the tokenizer cannot be opened.
 */
export async function* tokenWindows(data: TokenData, places: readonly TextPlace[]): AsyncGenerator<TokenRows> {
  if (places.length === 0) return;
  const worker = new Worker(entryOf('data/text/token-thread'), { workerData: data, execArgv: [] });
  const ask = (at: number): Promise<FromTokens> | null => {
    if (at >= places.length) return null;
    const answer = once(worker, 'message').then(([message]) => message as FromTokens);
    // Thrown when its turn comes.
    answer.catch(() => {});
    worker.postMessage(Float64Array.from(places.slice(at, at + WINDOW).flatMap((p) => [p.offset, p.bytes])));
    return answer;
  };
  try {
    let waiting = ask(0);
    for (let at = WINDOW; waiting !== null; at += WINDOW) {
      const message = await waiting;
      if (!('rows' in message))
        throw message.known === null
          ? new Error(message.words)
          : new GraftError(message.known.code, message.known.detail);
      waiting = ask(at);
      yield message.rows;
    }
  } finally {
    await worker.terminate();
  }
}
