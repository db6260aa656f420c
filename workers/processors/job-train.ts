import type { Config } from '../../src/config.js';
import type { Repositories } from '../../src/domain/ports.js';
import type { Logger } from '../../src/log.js';
import type { BlobStores } from '../../src/storage/index.js';
import { attempt } from '../training/attempt.js';
import { childPool } from '../training/child-process.js';
import { patiently } from '../training/writer.js';

export interface TrainDeps {
  readonly config: Pick<Config, 'home' | 'threads' | 'featureCacheBytes' | 'workerSilentMs' | 'jobMaxAttempts'> & {
    readonly checkpointMs?: number;
  };
  readonly log: Logger;
  readonly repositories: Repositories;
  readonly stores: BlobStores;
  readonly workerId: string;
}

/**
 * The processor of `job.train`: each attempt runs in a process of its own. A job that is not queued (another worker holds
 * it, or it is over) is nothing to do. A process that crashed gives the job back, and the next attempt follows at once;
 * what it had computed is in the feature cache.
 */
export function jobTrain(
  deps: TrainDeps,
  options: { readonly childEntry?: URL; readonly keepChildMs?: number } = {},
): (payload: { jobId: string }, signal: AbortSignal) => Promise<void> {
  const { log, repositories, workerId } = deps;
  const pool = childPool({
    threads: deps.config.threads,
    ...(options.childEntry && { entry: options.childEntry }),
    ...(options.keepChildMs !== undefined && { keepMs: options.keepChildMs }),
  });
  return async ({ jobId }, signal) => {
    for (let first = true; !signal.aborted; first = false) {
      // Begins to load while the job is claimed and its files are looked up.
      const child = pool.take();
      let ran = false;
      try {
        const job = await patiently(() => repositories.jobs.claim(jobId, workerId), { signal, log });
        if (job === null) {
          if (first) log.debug({ job: jobId }, 'Not queued; nothing to do');
          return;
        }
        ran = true;
        if ((await attempt(deps, job, child, signal)) === 'over') return;
      } finally {
        child.kill();
        if (ran && !signal.aborted) pool.warm();
      }
    }
  };
}
