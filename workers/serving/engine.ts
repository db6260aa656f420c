import { Worker } from 'node:worker_threads';
import { GraftError } from '../../src/errors.js';
import { movable } from './compose.js';
import type { Call, EngineSpec, FromThread, RowResult } from './engine-messages.js';

/** One thread that holds a trunk and its heads. */
export interface Engine {
  readonly ready: Extract<FromThread, { type: 'ready' }>;
  /** Calls are answered in order. Rejects with `internal` where the call failed, `unavailable` when the thread is gone. */
  ask(call: Call): Promise<readonly RowResult[]>;
}
interface Pending {
  readonly resolve: (rows: readonly RowResult[]) => void;
  readonly reject: (reason: unknown) => void;
}

const THREAD = new URL('./engine-thread.js', import.meta.url);
const ENDED = 'The model stopped working while it was in use. Try again.';

/**
 * onnxruntime blocks the thread that it runs or loads on, so it gets one: the event loop goes on with sockets and decoding,
 * and one trunk's loading does not hold up another's predictions. The thread is never terminated (inside onnxruntime that
 * aborts the process) but told to end. `onEnd` is called when it is gone, told or not. The memory of `file`, the trunk's, moves to the thread.
 */
export function openEngine(file: Uint8Array, spec: EngineSpec, onEnd: () => void): Promise<Engine> {
  return new Promise((resolve, reject) => {
    // Flags of the process (such as --import of the supervisor's guard) are not for its threads.
    const worker = new Worker(THREAD, { workerData: spec, execArgv: [] });
    const pending = new Map<number, Pending>();
    let lastId = 0;
    let ended = false;

    const ask = (call: Call): Promise<readonly RowResult[]> =>
      new Promise((resolve, reject) => {
        if (ended) return reject(new GraftError('unavailable', ENDED, { retryAfter: 1 }));
        lastId += 1;
        pending.set(lastId, { resolve, reject });
        worker.postMessage({ id: lastId, ...call });
      });
    const end = (error: GraftError) => {
      if (!ended) onEnd();
      ended = true;
      reject(error);
      for (const waiting of pending.values()) waiting.reject(error);
      pending.clear();
    };
    worker.once('error', (cause) => end(new GraftError('unavailable', ENDED, { retryAfter: 1, cause })));
    worker.once('exit', (code) =>
      end(new GraftError('unavailable', ENDED, { retryAfter: 1, cause: `the thread ended with code ${code}` })),
    );
    worker.postMessage({ id: 0, type: 'load', file }, movable(file));
    worker.on('message', (message: FromThread) => {
      if (message.type === 'ready') return resolve({ ready: message, ask });
      if (message.type === 'unusable') return end(new GraftError('internal', message.detail));
      const waiting = pending.get(message.id);
      pending.delete(message.id);
      if (message.type === 'answer') waiting?.resolve(message.rows);
      else waiting?.reject(new GraftError('internal', message.detail));
    });
  });
}
