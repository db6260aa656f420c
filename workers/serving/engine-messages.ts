import type { Preprocessing } from '../../src/domain/types.js';

/** What an engine's thread is started with. */
export interface EngineSpec {
  /** The base's ONNX file; its memory moves to the thread. */
  readonly base: Uint8Array;
  /** File of the base's tensors that training changed. */
  readonly changed: Uint8Array | null;
  readonly cut: string;
  readonly preprocessing: Preprocessing;
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
  | { readonly type: 'run'; readonly count: number; readonly heads: readonly HeadRows[] }
  | { readonly type: 'drop'; readonly head: string }
  | { readonly type: 'stop' };
export type ToThread = Call & { readonly id: number };
/** Per row of the batch: probabilities, or why this row has none. */
export type RowResult = { readonly value: Float32Array } | { readonly error: string };
export type FromThread =
  | {
      readonly type: 'ready';
      /** Height, width and channels of one image, a byte each. */
      readonly shape: readonly [number, number, number];
      /** Most images of one run. */
      readonly batch: number;
      /** Room for `batch` images; the other side writes it before it asks for a run. */
      readonly pixels: SharedArrayBuffer;
      readonly bytes: number;
    }
  | { readonly type: 'unusable'; readonly detail: string }
  | { readonly type: 'answer'; readonly id: number; readonly rows: readonly RowResult[] }
  | { readonly type: 'failed'; readonly id: number; readonly detail: string };
