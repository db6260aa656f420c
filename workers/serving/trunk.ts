import { GraftError } from '../../src/errors.js';
import { paddedLength, TOKENS_A_PASS, tokenTexts } from '../data/text/batches.js';
import { type Asking, type Batched, createBatcher, type Outcome } from './batcher.js';
import { composeTrunk } from './compose.js';
import { type Engine, openEngine } from './engine.js';
import type { Call, EngineSpec, HeadRows, Row, RowResult, Takes, TrunkFiles } from './engine-messages.js';

export interface TrunkSpec extends TrunkFiles, Omit<EngineSpec, 'threads'> {
  /** Cores that it may use. */
  readonly threads: number;
}
/** A loaded trunk: features for many heads. */
export interface Trunk {
  /** Estimate of the memory it holds. */
  readonly bytes: number;
  /** Most tokens of a row; null where it takes pictures. */
  readonly mostTokens: number | null;
  /** Loads a head under a name; throws `internal` saying why when it is not a graph that takes the features. */
  addHead(head: string, bytes: Uint8Array): Promise<void>;
  dropHead(head: string): void;
  /**
   * Probabilities of the head's classes for uint8 HWC pixels, or for a row of token ids, in the same run as whatever else is
   * waiting and fits: of rows, those padded to the same length.
   */
  predict(given: Given, head: string, asking?: Asking): Promise<Batched<Row>>;
  /** Ends its threads once what they do now is done. */
  close(): void;
}

/** Pixels or token ids. */
export type Given = Uint8Array | readonly number[];
interface Item {
  readonly given: Given;
  readonly head: string;
}
/** Up to this size a base is loaded once per core; a larger one once, on all cores. */
const COPIED_BYTES = 64 * 1024 * 1024;

/**
 * Two sessions of one thread each get more done on two cores than one session of two threads, whose threads wait for each
 * other after every operator; the price is a second copy of the weights. `onEnd` is called when the trunk is gone.
 */
export async function openTrunk({ base, changed, cut, ...spec }: TrunkSpec, onEnd: () => void): Promise<Trunk> {
  const copies = base.byteLength <= COPIED_BYTES ? Math.min(spec.threads, 4) : 1;
  const threads = Math.max(1, Math.floor(spec.threads / copies));
  const file = await composeTrunk({ base, changed, cut, input: spec.input });
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
    const own = copy === copies - 1 ? file : new Uint8Array(file);
    return openEngine(own, { ...spec, threads }, end).then((engine) => engines.push(engine));
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
  const { takes } = first.ready;
  const given = takes.kind === 'text' ? rowsGiven(takes) : pixelsGiven(takes);
  const batcher = createBatcher<Item, Row>(
    async (items, lane) => {
      const { ready, ask } = engines[lane] as Engine;
      const rows = new Map<string, number[]>();
      for (const [row, { head }] of items.entries()) {
        const known = rows.get(head);
        if (known === undefined) rows.set(head, [row]);
        else known.push(row);
      }
      const heads = [...rows].map(([head, rows]): HeadRows => ({ head, rows }));
      return (await ask({ type: 'run', count: items.length, heads, ...given.handed(items, ready.takes) })).map(outcome);
    },
    { max: given.most, lanes: engines.length, standing: given.standing },
  );

  return {
    bytes: engines.reduce((sum, { ready }) => sum + ready.bytes, 0),
    mostTokens: takes.kind === 'text' ? takes.tokens.most : null,
    addHead: async (head, bytes) => {
      await Promise.all(engines.map(({ ask }) => ask({ type: 'head', head, bytes })));
    },
    dropHead: (head) => {
      for (const { ask } of engines) ask({ type: 'drop', head }).catch(() => undefined);
    },
    predict: async (item, head, asking) => {
      if (given.fits(item)) return batcher.submit({ given: item, head }, asking);
      const got = item instanceof Uint8Array ? `${item.length} bytes of pixels` : `${item.length} token ids`;
      throw new GraftError('internal', `The model takes ${given.words}; it was given ${got}.`);
    },
    close,
  };
}

/** How the items of a run are handed to an engine's thread. */
interface Handing {
  /** What a run may cost. */
  readonly most: number;
  readonly standing: (item: Item) => { readonly bucket: number; readonly cost: number };
  readonly fits: (given: Given) => boolean;
  readonly words: string;
  readonly handed: (items: readonly Item[], takes: Takes) => Pick<Extract<Call, { type: 'run' }>, 'tokens'>;
}

function pixelsGiven({ batch, pixels }: Extract<Takes, { kind: 'image' }>): Handing {
  const each = pixels.shape.reduce((product, side) => product * side, 1);
  return {
    most: batch,
    standing: () => ({ bucket: 0, cost: 1 }),
    fits: (given) => given instanceof Uint8Array && given.length === each,
    words: `${each} bytes of pixels`,
    // One run at a time and engine, so its memory is free to be written when a batch is made up.
    handed(items, takes) {
      if (takes.kind !== 'image') return {};
      const memory = new Uint8Array(takes.pixels.memory);
      for (const [row, { given }] of items.entries()) memory.set(given, row * each);
      return {};
    },
  };
}

function rowsGiven({ tokens: { most, fixed } }: Extract<Takes, { kind: 'text' }>): Handing {
  const lengthOf = ({ given }: Item) => fixed ?? paddedLength(given.length, most);
  return {
    most: TOKENS_A_PASS,
    // Long ones are fewer: a run takes about the same time whatever it holds.
    standing: (item) => ({ bucket: lengthOf(item), cost: lengthOf(item) }),
    fits: (given) => !(given instanceof Uint8Array) && given.length <= most,
    words: `up to ${most} token ids`,
    handed: (items) => {
      const rows = items.map(({ given }) => given as readonly number[]);
      return { tokens: { ...tokenTexts(rows), length: lengthOf(items[0] as Item) } };
    },
  };
}

function outcome(result: RowResult): Outcome<Row> {
  return 'value' in result ? result : { error: new GraftError('internal', result.error) };
}
