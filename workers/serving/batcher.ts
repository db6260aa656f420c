import { createLine, type Standing } from './line.js';

/** What became of one item of a batch; a failure is that item's alone. */
export type Outcome<T> = { readonly value: T } | { readonly error: unknown };
export interface Batched<T> {
  readonly value: T;
  /** Milliseconds from `submit` to the start of the run, of the run, and items that ran together. */
  readonly queueMs: number;
  readonly runMs: number;
  readonly batch: number;
}
export interface Batcher<I, O> {
  /** Rejects with the item's error, the run's error, or the signal's reason when it aborts before the run starts. */
  submit(item: I, request?: Asking): Promise<Batched<O>>;
  readonly waiting: number;
}

/** Who asks for an item: what is asked for together gives one `of`. */
export interface Asking {
  readonly signal?: AbortSignal;
  readonly of?: unknown;
}
export interface BatcherOptions<I> {
  /** Most that the items of a run cost together. */
  readonly max: number;
  readonly lanes: number;
  /** Where an item stands; left out: all run together, and each costs 1. */
  readonly standing?: (item: I) => Omit<Standing, 'of'>;
  /** Items that cost less than this together are not shared among idle lanes. */
  readonly least?: number;
}

interface Waiting<I, O> {
  readonly item: I;
  readonly since: number;
  readonly resolve: (result: Batched<O>) => void;
  readonly reject: (reason: unknown) => void;
  readonly settled: () => void;
}

/**
 * Adaptive micro-batching: `lanes` runs at a time; what arrives meanwhile waits, and the next run takes what fits together, up to
 * `max` (idle lanes share it evenly), from requests in turns. Nothing waits for company: on an idle lane a run starts as soon as
 * the event loop has handed over what is ready now.
 */
export function createBatcher<I, O>(
  run: (items: readonly I[], lane: number) => Promise<readonly Outcome<O>[]>,
  { max, lanes, standing = () => ({ bucket: 0, cost: 1 }), least = 1 }: BatcherOptions<I>,
): Batcher<I, O> {
  const line = createLine<Waiting<I, O>>();
  const idle = Array.from({ length: lanes }, (_, lane) => lane);
  let starting = false;

  function submit(item: I, { signal, of }: Asking = {}): Promise<Batched<O>> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const settled = () => signal?.removeEventListener('abort', abort);
      const entry = { item, since: performance.now(), resolve, reject, settled };
      const leave = line.add(entry, { of, ...standing(item) });
      const abort = () => {
        leave();
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', abort, { once: true });
      if (idle.length > 0 && !starting) {
        starting = true;
        setImmediate(start);
      }
    });
  }

  function start(): void {
    starting = false;
    while (line.size > 0) {
      const lane = idle.shift();
      if (lane === undefined) return;
      const batch = line.take(max, idle.length + 1, least);
      for (const { settled } of batch) settled();
      void one(batch, lane).then(() => {
        idle.push(lane);
        start();
      });
    }
  }

  async function one(batch: readonly Waiting<I, O>[], lane: number): Promise<void> {
    const start = performance.now();
    try {
      const outcomes = await run(
        batch.map(({ item }) => item),
        lane,
      );
      const runMs = performance.now() - start;
      for (const [index, { since, resolve, reject }] of batch.entries()) {
        const outcome = outcomes[index] ?? {
          error: new Error(`the run answered ${outcomes.length} of ${batch.length}`),
        };
        if ('error' in outcome) reject(outcome.error);
        else resolve({ value: outcome.value, queueMs: start - since, runMs, batch: batch.length });
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  return {
    submit,
    get waiting() {
      return line.size;
    },
  };
}
