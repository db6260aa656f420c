import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';
import { GraftError } from '../../src/errors.js';
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

/** What of the bytes' memory may be moved to another thread: all, where it is theirs alone. */
export function movable({ buffer, byteLength }: Uint8Array): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [];
}

/**
 * Gives the memory of bytes back now: a collection may come much later, as megabytes outside the heap are no reason for one. What is
 * moved to a port that nobody holds the other end of is let go. Who still reads the bytes finds them empty.
 */
export function letGo(bytes: Uint8Array): void {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.postMessage(null, movable(bytes));
  port1.close();
}
