import type { ErrorCode } from '../../../src/errors.js';

/** Where texts lie in a pack. */
export interface TextPlace {
  readonly offset: number;
  readonly bytes: number;
}
/** What a token thread is started with. */
export interface TokenData {
  /** The tokenizer's files: one JSON object of names and texts. */
  readonly files: Uint8Array;
  /** Where the texts lie that it is asked for by their places. */
  readonly packPath?: string;
  /** One int32: the place in the request of the text that is being read, -1 while none is. */
  readonly reading: SharedArrayBuffer;
}
/** What is asked of a thread: texts, or offset and length of each in the pack. */
export type TokenRequest = ({ readonly texts: readonly string[] } | { readonly places: Float64Array }) & {
  /** Most ids kept of one text. */
  readonly most: number;
  /** Whether each text is read to its end, so that `lengths` tells all of it; else no farther than gives more than `most`. */
  readonly whole: boolean;
};
/** Token ids of some texts without special tokens, one text after the other. */
export interface TokenRows {
  readonly ids: Int32Array;
  /** Where each text begins in `ids`; one more than there are texts. */
  readonly starts: Int32Array;
  /** Ids of each text before it was cut off. */
  readonly lengths: Int32Array;
  /** Ids that stand for what the tokenizer does not know. */
  readonly unknown: number;
}
/** What is put around a text's own ids. */
export interface SpecialTokens {
  readonly before: readonly number[];
  readonly after: readonly number[];
}
export type FromTokens =
  | { readonly type: 'ready'; readonly specials: SpecialTokens; readonly bytes: number }
  | { readonly type: 'rows'; readonly rows: TokenRows }
  | {
      readonly type: 'failed';
      readonly known: { readonly code: ErrorCode; readonly detail: string } | null;
      readonly words: string;
    };
