import { Worker } from 'node:worker_threads';
import { GraftError } from '../../src/errors.js';
import { type Batched, createBatcher, type Outcome } from './batcher.js';
import type { Call, FromThread, HeadRows, RowResult, TrunkSpec } from './trunk-messages.js';

/** A loaded trunk: features for many heads, in a thread of its own. */
export interface Trunk {
  /** Estimate of the memory it holds. */
  readonly bytes: number;
  /** Gives the thread a head under a name; throws `internal` saying why when it is not a graph that takes the features. */
  addHead(head: string, bytes: Uint8Array): Promise<void>;
  dropHead(head: string): void;
  /** Probabilities of the head's classes for uint8 HWC pixels, in the same pass as whatever else is waiting. */
  predict(pixels: Uint8Array, head: string, signal?: AbortSignal): Promise<Batched<Float32Array>>;
  /** Ends the thread once what it does now is done. */
  close(): void;
}

interface Item {
  readonly pixels: Uint8Array;
  readonly head: string;
}
interface Pending {
  readonly resolve: (rows: readonly RowResult[]) => void;
  readonly reject: (reason: unknown) => void;
}

const THREAD = new URL('./trunk-thread.js', import.meta.url);
const ENDED = 'The model stopped working while it was in use. Try again.';

/**
 * onnxruntime blocks the thread that it runs or loads on, so every trunk has its own: the event loop goes on with sockets
 * and decoding, and one trunk's loading does not hold up another's predictions. The thread is never terminated (inside
 * onnxruntime that aborts the process) but told to end. `onEnd` is called when it is gone, told or not.
 */
export function openTrunk(spec: TrunkSpec, onEnd: () => void, thread: URL = THREAD): Promise<Trunk> {
  return new Promise((resolve, reject) => {
    const whole = spec.base.byteLength === spec.base.buffer.byteLength;
    const transferList = whole && spec.base.buffer instanceof ArrayBuffer ? [spec.base.buffer] : [];
    // Flags of the process (such as --import of the supervisor's guard) are not for its threads.
    const worker = new Worker(thread, { workerData: spec, transferList, execArgv: [] });
    const pending = new Map<number, Pending>();
    let lastId = 0;
    let ended = false;

    const ask: Ask = (call) =>
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
    worker.once('exit', () => end(new GraftError('unavailable', ENDED, { retryAfter: 1 })));
    worker.on('message', (message: FromThread) => {
      if (message.type === 'ready') return resolve(loaded(message, ask));
      if (message.type === 'unusable') return end(new GraftError('internal', message.detail));
      const waiting = pending.get(message.id);
      pending.delete(message.id);
      if (message.type === 'answer') waiting?.resolve(message.rows);
      else waiting?.reject(new GraftError('internal', message.detail));
    });
  });
}

type Ask = (call: Call) => Promise<readonly RowResult[]>;

function loaded(ready: Extract<FromThread, { type: 'ready' }>, ask: Ask): Trunk {
  const [height, width, channels] = ready.shape;
  const each = height * width * channels;
  const pixels = new Uint8Array(ready.pixels);

  // One run at a time, so the shared memory is free to be written when a batch is made up.
  const batcher = createBatcher<Item, Float32Array>(async (items) => {
    const rows = new Map<string, number[]>();
    for (const [row, item] of items.entries()) {
      pixels.set(item.pixels, row * each);
      const known = rows.get(item.head);
      if (known === undefined) rows.set(item.head, [row]);
      else known.push(row);
    }
    const heads = [...rows].map(([head, rows]): HeadRows => ({ head, rows }));
    const results = await ask({ type: 'run', count: items.length, heads });
    return results.map(outcome);
  }, ready.batch);

  return {
    bytes: ready.bytes,
    addHead: async (head, bytes) => void (await ask({ type: 'head', head, bytes })),
    dropHead: (head) => void ask({ type: 'drop', head }).catch(() => undefined),
    predict: async (given, head, signal) => {
      if (given.length === each) return batcher.submit({ pixels: given, head }, signal);
      throw new GraftError('internal', `The model takes ${each} bytes of pixels; the decoder gave ${given.length}.`);
    },
    close: () => void ask({ type: 'stop' }).catch(() => undefined),
  };
}

function outcome(result: RowResult): Outcome<Float32Array> {
  return 'value' in result ? result : { error: new GraftError('internal', result.error) };
}
