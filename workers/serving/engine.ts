import { GraftError } from '../../src/errors.js';
import { askedThread } from '../asked-thread.js';
import { entryOf } from '../entry.js';
import { movable } from '../moved-memory.js';
import type { Call, EngineSpec, FromThread, RowResult } from './engine-messages.js';

/** One thread that holds a trunk and its heads. */
export interface Engine {
  readonly ready: Extract<FromThread, { type: 'ready' }>;
  /** Calls are answered in order. Rejects with `internal` where the call failed, `unavailable` when the thread is gone. */
  ask(call: Call): Promise<readonly RowResult[]>;
}
const ENDED = 'The model stopped working while it was in use. Try again.';

/**
 * onnxruntime blocks the thread that it runs or loads on, so it gets one: the event loop goes on with sockets and decoding,
 * and one trunk's loading does not hold up another's predictions. The thread is never terminated (inside onnxruntime that
 * aborts the process) but told to end. `onEnd` is called when it is gone, told or not. The memory of `file`, the trunk's, moves to the thread.
 */
export async function openEngine(file: Uint8Array, spec: EngineSpec, onEnd: () => void): Promise<Engine> {
  const thread = askedThread<Call, FromThread>(entryOf('serving/engine-thread'), {
    workerData: spec,
    ended: (cause) => new GraftError('unavailable', ENDED, { retryAfter: 1, cause }),
  });
  void thread.gone.then(onEnd);
  const ready = await thread.ask({ type: 'load', file }, movable(file));
  if (ready.type === 'unusable') throw new GraftError('internal', ready.detail);
  if (ready.type !== 'ready') throw new Error(`An engine said '${ready.type}' before it was ready.`);
  return {
    ready,
    async ask(call) {
      const answer = await thread.ask(call);
      if (answer.type === 'answer') return answer.rows;
      throw new GraftError('internal', answer.type === 'ready' ? 'An engine was ready twice.' : answer.detail);
    },
  };
}
