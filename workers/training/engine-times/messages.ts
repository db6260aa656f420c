import type { Engine } from '../../../src/domain/types.js';
import type { PictureRunInput, TextRunInput } from '../messages.js';

/** What of a run decides how long a step of it takes. Plain JSON: it goes to a process of its own, and names what is kept. */
export interface TimedRun {
  readonly base: { readonly path: string; readonly digest: string };
  readonly cut: string;
  /** Features at the cut; null: they are measured. */
  readonly width: number | null;
  readonly layers: 'all' | number;
  /** Texts are padded to `length` tokens; `words`: the words' vectors are trained too. */
  readonly input:
    | Pick<PictureRunInput, 'kind' | 'preprocessing'>
    | (Pick<TextRunInput, 'kind' | 'text'> & { readonly length: number; readonly words: boolean });
  readonly batch: number;
  readonly optimizer: 'adamw' | 'sgd';
  /** Whether layers that normalise by statistics take those of the batch. */
  readonly live: boolean;
  readonly threads: number;
}
export interface TimedOn {
  readonly executor: Engine['executor'];
  /** Of TensorFlow; null elsewhere. */
  readonly addonPath: string | null;
}
export interface TimeRequest {
  readonly run: TimedRun;
  readonly on: TimedOn;
}
export type TimeAnswer = { readonly ms: number } | { readonly failed: string };
