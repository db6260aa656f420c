import type { Preprocessing, TextInput } from '../../src/domain/types.js';
import type { TokenTexts } from '../data/text/batches.js';

/** How what is predicted for becomes what the base reads. */
export type TrunkInput =
  | { readonly kind: 'image'; readonly preprocessing: Preprocessing }
  | { readonly kind: 'text'; readonly text: TextInput };
/** What a trunk is made of. */
export interface TrunkFiles {
  /** The base's ONNX file; its memory moves to the thread that reads it. */
  readonly base: Uint8Array;
  /** File of the base's tensors that training changed. */
  readonly changed: Uint8Array | null;
  readonly cut: string;
  readonly input: TrunkInput;
}
/** The trunk's ONNX file, put together, or why it cannot be. */
export type Composed = { readonly file: Uint8Array<ArrayBuffer> } | { readonly unusable: string };
/** What an engine's thread is started with. */
export interface EngineSpec {
  readonly input: TrunkInput;
  readonly threads: number;
  /** Most pixels (height times width) of one run, over all its images: more would not fit the caches. */
  readonly maxPixels: number;
}
/** Which rows of a batch a head is applied to. */
export interface HeadRows {
  readonly head: string;
  readonly rows: readonly number[];
}
/** One after the other; each is answered. */
export type Call =
  | { readonly type: 'load'; readonly file: Uint8Array }
  | { readonly type: 'head'; readonly head: string; readonly bytes: Uint8Array }
  | {
      readonly type: 'run';
      readonly count: number;
      readonly heads: readonly HeadRows[];
      /** Rows of texts, all padded to `length`; pictures lie in the shared memory. */
      readonly tokens?: TokenTexts & { readonly length: number };
    }
  | { readonly type: 'drop'; readonly head: string }
  | { readonly type: 'stop' };
export interface Row {
  readonly probabilities: Float32Array;
}
/** Per row of the batch: what the model says, or why this row has nothing. */
export type RowResult = { readonly value: Row } | { readonly error: string };
/** Rows of texts that a trunk takes. */
export interface TokenRoom {
  /** Most tokens of a row. */
  readonly most: number;
  /** What every row is padded to, where the file is fixed to one length. */
  readonly fixed: number | null;
}
/** Memory for pictures, which the other side writes before it asks for a run. */
export interface PixelRoom {
  /** Height, width and channels of one image, a byte each. */
  readonly shape: readonly [number, number, number];
  readonly memory: SharedArrayBuffer;
}
/** What a trunk takes: pictures, at most `batch` in a run, or rows of texts. */
export type Takes =
  | { readonly kind: 'image'; readonly batch: number; readonly pixels: PixelRoom }
  | { readonly kind: 'text'; readonly tokens: TokenRoom };
export type FromThread =
  | {
      readonly type: 'ready';
      readonly takes: Takes;
      readonly bytes: number;
    }
  | { readonly type: 'unusable'; readonly detail: string }
  | { readonly type: 'answer'; readonly rows: readonly RowResult[] }
  | { readonly type: 'failed'; readonly detail: string };
