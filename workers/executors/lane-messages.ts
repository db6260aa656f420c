import { movable } from '../moved-memory.js';
import type { Feeds, HostTensor } from './executor.js';

/** One after the other; each but `stop` is answered. */
export type ToLane =
  | { readonly type: 'load'; readonly file: Uint8Array }
  | { readonly type: 'run'; readonly feeds: Feeds; readonly fetch: readonly string[] }
  | { readonly type: 'stop' };
export type FromLane =
  | { readonly type: 'ready'; readonly outputs: readonly string[] }
  | { readonly type: 'results'; readonly results: Record<string, HostTensor> }
  | { readonly type: 'failed'; readonly detail: string };

/** What moves to the other thread instead of being copied. */
export function memoryOf(tensors: Readonly<Record<string, HostTensor>>): ArrayBuffer[] {
  return Object.values(tensors).flatMap(({ data }) => movable(data));
}
