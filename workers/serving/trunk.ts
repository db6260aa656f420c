import { GraftError } from '../../src/errors.js';
import { type Batched, createBatcher, type Outcome } from './batcher.js';
import { type Engine, openEngine } from './engine.js';
import type { EngineSpec, HeadRows, Row, RowResult } from './engine-messages.js';

export interface TrunkSpec extends Omit<EngineSpec, 'threads'> {
  /** Cores that it may use. */
  readonly threads: number;
}
/** A loaded trunk: features for many heads. */
export interface Trunk {
  /** Estimate of the memory it holds. */
  readonly bytes: number;
  /** Loads a head under a name; throws `internal` saying why when it is not a graph that takes the features. */
  addHead(head: string, bytes: Uint8Array): Promise<void>;
  dropHead(head: string): void;
  /** Probabilities of the head's classes for uint8 HWC pixels, or for a text, in the same run as whatever else is waiting. */
  predict(given: Uint8Array | string, head: string, signal?: AbortSignal): Promise<Batched<Row>>;
  /** Ends its threads once what they do now is done. */
  close(): void;
}

interface Item {
  readonly given: Uint8Array | string;
  readonly head: string;
}
/** Up to this size a base is loaded once per core; a larger one once, on all cores. */
const COPIED_BYTES = 64 * 1024 * 1024;

/**
 * Two sessions of one thread each get more done on two cores than one session of two threads, whose threads wait for each
 * other after every operator; the price is a second copy of the weights. `onEnd` is called when the trunk is gone.
 */
export async function openTrunk(spec: TrunkSpec, onEnd: () => void): Promise<Trunk> {
  const copies = spec.base.byteLength <= COPIED_BYTES ? Math.min(spec.threads, 4) : 1;
  const threads = Math.max(1, Math.floor(spec.threads / copies));
  const engines: Engine[] = [];
  let ended = false;
  const close = () => {
    for (const { ask } of engines) ask({ type: 'stop' }).catch(() => undefined);
  };
  // Without one of its threads a trunk is not whole: the others end too, and the next request loads it afresh.
  const end = () => {
    if (!ended) onEnd();
    ended = true;
    close();
  };
  const opening = Array.from({ length: copies }, (_, copy) => {
    // Not `slice`: that of a Buffer is a view, and the memory moves to the thread.
    const base = copy === copies - 1 ? spec.base : new Uint8Array(spec.base);
    return openEngine({ ...spec, base, threads }, end).then((engine) => engines.push(engine));
  });
  const failed = (await Promise.allSettled(opening)).find((result) => result.status === 'rejected');
  if (failed === undefined && !ended) return trunkOf(engines, close);
  end();
  throw (
    failed?.reason ??
    new GraftError('unavailable', 'The model ended while it was loaded. Try again.', { retryAfter: 1 })
  );
}

function trunkOf(engines: readonly Engine[], close: () => void): Trunk {
  const [first] = engines as readonly [Engine];
  const each = first.ready.pixels?.shape.reduce((product, side) => product * side, 1) ?? null;

  const batcher = createBatcher<Item, Row>(
    async (items, lane) => {
      const { ready, ask } = engines[lane] as Engine;
      const rows = new Map<string, number[]>();
      // One run at a time and engine, so its memory is free to be written when a batch is made up.
      const pixels = new Uint8Array(ready.pixels?.memory ?? new SharedArrayBuffer(0));
      const texts: string[] = [];
      for (const [row, item] of items.entries()) {
        if (typeof item.given === 'string') texts.push(item.given);
        else pixels.set(item.given, row * (each ?? 0));
        const known = rows.get(item.head);
        if (known === undefined) rows.set(item.head, [row]);
        else known.push(row);
      }
      const heads = [...rows].map(([head, rows]): HeadRows => ({ head, rows }));
      return (await ask({ type: 'run', count: items.length, heads, texts })).map(outcome);
    },
    { max: first.ready.batch, lanes: engines.length },
  );

  return {
    bytes: engines.reduce((sum, { ready }) => sum + ready.bytes, 0),
    addHead: async (head, bytes) => {
      await Promise.all(engines.map(({ ask }) => ask({ type: 'head', head, bytes })));
    },
    dropHead: (head) => {
      for (const { ask } of engines) ask({ type: 'drop', head }).catch(() => undefined);
    },
    predict: async (given, head, signal) => {
      if (typeof given === 'string' ? each === null : given.length === each)
        return batcher.submit({ given, head }, signal);
      const wanted = each === null ? 'texts' : `${each} bytes of pixels`;
      const got = typeof given === 'string' ? 'a text' : `${given.length} bytes`;
      throw new GraftError('internal', `The model takes ${wanted}; it was given ${got}.`);
    },
    close,
  };
}

function outcome(result: RowResult): Outcome<Row> {
  return 'value' in result ? result : { error: new GraftError('internal', result.error) };
}
