import type { Examined } from './examine-image.js';
import type { ImageProblem } from './image-problem.js';

/** What a picture holds, or why it cannot be used. */
export type Seen = { readonly image: Examined } | { readonly problem: ImageProblem };
/** To the process that decodes. Bytes travel as they are: the channel is in V8's own format. */
export interface ToExaminer {
  readonly id: number;
  readonly bytes: Uint8Array;
}
/** `ready`: the decoder is loaded, and what ends the process from here on is a picture. */
export type FromExaminer =
  | { readonly type: 'ready' }
  | { readonly type: 'seen'; readonly id: number; readonly seen: Seen };
