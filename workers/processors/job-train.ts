import type { Config } from '../../src/config.js';
import { engineAsked } from '../../src/domain/engine-asked.js';
import type { Repositories } from '../../src/domain/ports.js';
import type { Logger } from '../../src/log.js';
import type { BlobStores } from '../../src/storage/index.js';
import type { EngineChoice, EngineRegistry } from '../engines.js';
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
  readonly engines: EngineRegistry;
}

/**
 * The processor of `job.train`: each attempt runs in a process of its own. A job that is not queued (another worker holds
 * it, or it is over) is nothing to do. A process that crashed, or whose GPU is gone, gives the job back, and the next attempt
 * follows at once, on what engine is left; what was computed is in the feature cache and the last checkpoint.
 */
export function jobTrain(
  deps: TrainDeps,
  options: { readonly childEntry?: URL; readonly keepChildMs?: number } = {},
): (payload: { jobId: string }, signal: AbortSignal) => Promise<void> {
  const { log, repositories, workerId, engines } = deps;
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
        const engine = await engineFor(deps, jobId, signal);
        if (engine === null) return;
        const job = await patiently(() => repositories.jobs.claim(jobId, workerId), { signal, log });
        if (job === null) {
          if (first) log.debug({ job: jobId }, 'Not queued; nothing to do');
          return;
        }
        ran = true;
        // What is left to do leaves a core free.
        child.onMessage((message) => {
          if (message.type === 'state' && message.state === 'evaluating' && !signal.aborted) pool.warm();
        });
        if ((await attempt(deps, job, engine, child, signal)) === 'over') return;
        // What broke off may have taken its device along.
        engines.doubt(engine.executor);
      } finally {
        child.kill();
        if (ran && !signal.aborted) pool.warm();
      }
    }
  };
}

/**
 * What this worker trains the job on; null where it has not what the job asks for: the job stays queued for one that has, and
 * is told so once.
 */
async function engineFor(deps: TrainDeps, jobId: string, signal: AbortSignal): Promise<EngineChoice | null> {
  const { repositories, log, engines } = deps;
  const job = await patiently(() => repositories.jobs.byId(jobId), { signal, log });
  if (job?.state !== 'queued') {
    log.debug({ job: jobId }, 'Not queued; nothing to do');
    return null;
  }
  const asked = engineAsked(job);
  const found = await engines.choose(asked, job);
  if (found !== null) return found;
  const missing = (await engines.current()).find((r) => !r.usable);
  const message = `waits for a worker with the engine ${missing?.executor ?? asked}`;
  await patiently(() => repositories.jobs.waits(jobId, message, { here: missing?.reason ?? null }), { signal, log });
  log.info({ job: jobId, reason: missing?.reason }, message);
  return null;
}
