import type { Preprocessing, TextInput } from '../../src/domain/types.js';

/** How what is predicted for becomes what the base reads. */
export type TrunkInput =
  | { readonly kind: 'image'; readonly preprocessing: Preprocessing }
  | {
      readonly kind: 'text';
      readonly text: TextInput;
      /** The tokenizer's files: one JSON object of names and texts. */
      readonly tokenizer: Uint8Array;
    };
/** What an engine's thread is started with. */
export interface EngineSpec {
  /** The base's ONNX file; its memory moves to the thread. */
  readonly base: Uint8Array;
  /** File of the base's tensors that training changed. */
  readonly changed: Uint8Array | null;
  readonly cut: string;
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
export type Call =
  | { readonly type: 'head'; readonly head: string; readonly bytes: Uint8Array }
  | {
      readonly type: 'run';
      readonly count: number;
      readonly heads: readonly HeadRows[];
      /** The texts; pictures lie in the shared memory. */
      readonly texts?: readonly string[];
    }
  | { readonly type: 'drop'; readonly head: string }
  | { readonly type: 'stop' };
export type ToThread = Call & { readonly id: number };
export interface Row {
  readonly probabilities: Float32Array;
  /** Whether its text was longer than the base reads. */
  readonly truncated: boolean;
}
/** Per row of the batch: what the model says, or why this row has nothing. */
export type RowResult = { readonly value: Row } | { readonly error: string };
/** Memory for pictures, which the other side writes before it asks for a run. */
export interface PixelRoom {
  /** Height, width and channels of one image, a byte each. */
  readonly shape: readonly [number, number, number];
  readonly memory: SharedArrayBuffer;
}
export type FromThread =
  | {
      readonly type: 'ready';
      /** Most inputs of one run. */
      readonly batch: number;
      /** null where texts are taken. */
      readonly pixels: PixelRoom | null;
      readonly bytes: number;
    }
  | { readonly type: 'unusable'; readonly detail: string }
  | { readonly type: 'answer'; readonly id: number; readonly rows: readonly RowResult[] }
  | { readonly type: 'failed'; readonly id: number; readonly detail: string };
