import type { JobState } from '../../src/domain/lifecycle.js';
import type { Fence, JobPatch, JobRepository, NewEvent } from '../../src/domain/ports.js';
import type { Progress } from '../../src/domain/types.js';
import type { Logger } from '../../src/log.js';
import type { MetricValue } from './messages.js';

/** How long a write waits for Postgres to come back. */
const PATIENCE_MS = 120_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 3_000;
const FLUSH_MS = 250;

/** SQLSTATE classes that no waiting mends: bad data, broken rules, bad SQL. */
const HOPELESS = /^(21|22|23|42|P0)/;

/** Calls `work` until it answers; a database that is away is waited for, with growing pauses. Throws its last error. */
export async function patiently<T>(
  work: () => Promise<T>,
  o: { signal?: AbortSignal; log?: Logger; patienceMs?: number } = {},
): Promise<T> {
  const until = performance.now() + (o.patienceMs ?? PATIENCE_MS);
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await work();
    } catch (error) {
      const { code, name } = error as { code?: unknown; name?: unknown };
      const hopeless = name === 'GraftError' || (typeof code === 'string' && HOPELESS.test(code));
      if (hopeless || performance.now() + pause > until || o.signal?.aborted) throw error;
      o.log?.warn({ err: error }, 'A write to Postgres failed and is tried again');
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

export interface JobWriter {
  /** false: the hold is lost or the user asked otherwise; nothing was changed. */
  transition(to: JobState, event: NewEvent, patch?: JobPatch): Promise<boolean>;
  update(patch: JobPatch, event?: NewEvent): Promise<boolean>;
  /** Written a few times a second at most; of progress only the newest. */
  progress(progress: Progress): void;
  metrics(points: readonly MetricValue[]): void;
  /** Writes what waits. */
  flush(): Promise<void>;
  close(): void;
}

/** The fenced writes of one attempt, in order. Errors of writes that nobody waits for come out of the next one that is. */
export function jobWriter(jobs: JobRepository, fence: Fence, log: Logger, signal: AbortSignal): JobWriter {
  let progress: Progress | null = null;
  let points: MetricValue[] = [];
  let chain: Promise<unknown> = Promise.resolve();
  const inOrder = <T>(work: () => Promise<T>): Promise<T> => {
    const next = chain.then(() => patiently(work, { signal, log }));
    chain = next.catch(() => {});
    return next;
  };
  async function write(): Promise<void> {
    const [nextProgress, nextPoints] = [progress, points];
    progress = null;
    points = [];
    if (nextPoints.length > 0) {
      const latest = Object.fromEntries(nextPoints.map((p) => [p.name, p.value]));
      const finite = nextPoints.filter((p) => Number.isFinite(p.value));
      const message = Object.entries(latest)
        .map(([name, value]) => `${name} ${value.toFixed(4)}`)
        .join(', ');
      const event = { type: 'metric', message, data: { ...latest, step: nextPoints.at(-1)!.step } } as const;
      await inOrder(() => jobs.addMetrics(fence, finite));
      await inOrder(() =>
        jobs.update(fence, { metrics: latest, ...(nextProgress && { progress: nextProgress }) }, event),
      );
    } else if (nextProgress !== null) {
      const { phase, done, total } = nextProgress;
      const event = { type: 'progress', message: `${phase} ${done} of ${total}`, data: { ...nextProgress } } as const;
      await inOrder(() => jobs.update(fence, { progress: nextProgress }, event));
    }
  }
  let writing: Promise<void> | null = null;
  const flush = async () => {
    await writing;
    await write();
  };
  const timer = setInterval(() => {
    if (writing !== null || (progress === null && points.length === 0)) return;
    writing = write()
      .catch((error: unknown) => log.warn({ err: error }, 'Progress could not be written'))
      .finally(() => {
        writing = null;
      });
  }, FLUSH_MS);
  return {
    async transition(to, event, patch) {
      await flush();
      return inOrder(() => jobs.transition(fence, to, event, patch));
    },
    async update(patch, event) {
      return inOrder(() => jobs.update(fence, patch, event));
    },
    progress: (next) => {
      progress = next;
    },
    metrics: (more) => {
      points.push(...more);
    },
    flush,
    close: () => clearInterval(timer),
  };
}
