import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { GivenColumns } from '../../../src/domain/columns.js';
import type { Example } from '../../../src/domain/types.js';
import { type ErrorCode, GraftError } from '../../../src/errors.js';
import { entryOf } from '../../entry.js';
import type { TextBatch, TextSet } from './read-set.js';

export interface ReaderData {
  readonly path: string;
  readonly columns: GivenColumns;
}
export type FromReader =
  | { readonly type: 'batch'; readonly bytes: Uint8Array; readonly examples: readonly Example[] }
  | { readonly type: 'done'; readonly set: TextSet }
  | {
      readonly type: 'failed';
      readonly known: { readonly code: ErrorCode; readonly detail: string } | null;
      readonly words: string;
    };

/** What a reader's thread may take beside the batches; a set that needs more would take the whole worker with it. */
const LIMITS = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 16 };

/**
 * `readTextSet` on a thread of its own, so that the worker's loop goes on renewing what it holds. Batches are read one at a
 * time, as they are asked for. Throws as `readTextSet` does; `AbortError` once `signal` is aborted.
 */
export async function* readInThread(
  path: string,
  columns: GivenColumns,
  signal: AbortSignal,
): AsyncGenerator<TextBatch, TextSet> {
  const workerData: ReaderData = { path, columns };
  const worker = new Worker(entryOf('data/text/read-thread'), { workerData, execArgv: [], resourceLimits: LIMITS });
  try {
    for (;;) {
      const answer = once(worker, 'message', { signal });
      worker.postMessage('next');
      const [message] = (await answer) as [FromReader];
      if (message.type === 'done') return message.set;
      if (message.type === 'failed')
        throw message.known === null
          ? new Error(message.words)
          : new GraftError(message.known.code, message.known.detail);
      yield message;
    }
  } finally {
    await worker.terminate();
  }
}
