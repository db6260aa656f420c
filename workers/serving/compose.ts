import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { GraftError } from '../../src/errors.js';
import { movable } from '../moved-memory.js';
import type { Composed, TrunkFiles } from './engine-messages.js';

const THREAD = new URL('./compose-thread.js', import.meta.url);

/** The trunk as the bytes of an ONNX file, put together in a thread that is gone afterwards. Throws `internal` where it cannot be. */
export async function composeTrunk(files: TrunkFiles): Promise<Uint8Array> {
  const worker = new Worker(THREAD, { execArgv: [] });
  try {
    const answer = once(worker, 'message');
    worker.postMessage(files, movable(files.base));
    const [found] = (await answer) as [Composed];
    if ('file' in found) return found.file;
    throw new GraftError('internal', found.unusable);
  } finally {
    await worker.terminate();
  }
}
