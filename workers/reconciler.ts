import type { Config } from '../src/config.js';
import type { Repositories } from '../src/domain/ports.js';
import type { Logger } from '../src/log.js';
import { deliveryId, type Enqueue, type QueueJobName, type QueuePayloads } from '../src/queue/names.js';

/**
 * Postgres is the truth and the queue only delivers; this is what keeps the two together. It gives the jobs of workers
 * that went silent to others, and delivers again what should have been taken up long ago. Several processes may be at it at
 * once: of those that give a job back one succeeds, and delivering twice is delivering once.
 */
export interface ReconcilerDeps {
  readonly repositories: {
    readonly jobs: Pick<Repositories['jobs'], 'reclaim' | 'forgotten'>;
    readonly datasets: Pick<Repositories['datasets'], 'staleChecks'>;
    readonly bases: Pick<Repositories['bases'], 'staleChecks' | 'staleDownloads'>;
  };
  readonly enqueue: Enqueue;
  readonly config: Pick<Config, 'workerSilentMs' | 'jobMaxAttempts'>;
  readonly log: Logger;
}
export interface Reconciler {
  /** Waits for a pass that is under way. */
  close(): Promise<void>;
}

export const RECONCILE_MS = 3000;
/** A queue that works takes a job up, or holds it in line, in far less. */
const FORGOTTEN_MS = 4000;
/** Checks take minutes for large uploads, and their deliveries are renewed by the queue meanwhile. */
const STALE_CHECK_MS = 20_000;
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 120_000;

/** A pass now, and then one every `everyMs`. A pass that fails (Postgres away) is logged, and the next one tries again. */
export function startReconciler(deps: ReconcilerDeps, everyMs: number = RECONCILE_MS): Reconciler {
  const pace = createPace();
  let first = true;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let pass: Promise<void> = Promise.resolve();
  const turn = () => {
    // A worker that starts takes up at once what the one before it gave back or left lying.
    pass = reconcile(deps, pace, first ? { forgotten: 0, stale: 0 } : undefined)
      .then(() => {
        first = false;
      })
      .catch((error: unknown) => deps.log.warn({ err: error }, 'A pass of the reconciler failed'))
      .then(() => {
        if (!closed) timer = setTimeout(turn, everyMs);
      });
  };
  turn();
  return {
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await pass;
    },
  };
}

/** One pass: exported for tests. Ages are in milliseconds. */
export async function reconcile(
  deps: ReconcilerDeps,
  pace: Pace,
  ages: { forgotten: number; stale: number } = { forgotten: FORGOTTEN_MS, stale: STALE_CHECK_MS },
): Promise<void> {
  const { jobs, datasets, bases } = deps.repositories;
  const reclaimed = await jobs.reclaim(deps.config.workerSilentMs, deps.config.jobMaxAttempts);
  if (reclaimed.length > 0) deps.log.warn({ jobs: reclaimed }, 'Jobs of a worker that went silent are queued again');
  // One after the other: nobody waits for this, and a connection each would be kept in memory.
  const forgotten = await jobs.forgotten(ages.forgotten);
  const staleDatasets = await datasets.staleChecks(ages.stale);
  const staleBases = await bases.staleChecks(ages.stale);
  const staleDownloads = await bases.staleDownloads(ages.stale);
  const due: Due[] = [
    ...[...new Set([...reclaimed, ...forgotten])].map((jobId) => dueOf(deps, 'job.train', { jobId })),
    ...staleDatasets.map((payload) => dueOf(deps, 'dataset.check', payload)),
    ...staleBases.map((payload) => dueOf(deps, 'base.check', payload)),
    ...staleDownloads.map((payload) => dueOf(deps, 'base.download', payload)),
  ];
  for (const { enqueue } of pace.take(due)) await enqueue();
}

interface Due {
  readonly key: string;
  readonly enqueue: () => Promise<void>;
}

function dueOf<N extends QueueJobName>(deps: ReconcilerDeps, name: N, payload: QueuePayloads[N]): Due {
  return { key: `${name} ${deliveryId(name, payload)}`, enqueue: () => deps.enqueue(name, payload) };
}

export interface Pace {
  take(due: readonly Due[], now?: number): readonly Due[];
}

/**
 * Rows that wait in a long line are seen in every pass; enqueueing them is harmless but not free. Each is enqueued when
 * first seen and then ever more rarely, until it is seen no more.
 */
export function createPace(): Pace {
  let seen = new Map<string, { at: number; pause: number }>();
  return {
    take: (due, now = performance.now()) => {
      const next: typeof seen = new Map();
      const taken = due.filter(({ key }) => {
        const before = seen.get(key);
        if (before !== undefined && now < before.at) {
          next.set(key, before);
          return false;
        }
        const pause = before === undefined ? FIRST_PAUSE_MS : Math.min(before.pause * 2, LONGEST_PAUSE_MS);
        next.set(key, { at: now + pause, pause });
        return true;
      });
      seen = next;
      return taken;
    },
  };
}
