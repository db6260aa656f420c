import type { Config } from '../src/config.js';
import type { Repositories } from '../src/domain/ports.js';
import type { Logger } from '../src/log.js';
import type { Enqueue, Processors, QueueJobName, QueuePayloads } from '../src/queue/names.js';
import type { BlobStores } from '../src/storage/index.js';
import type { EngineRegistry } from './engines.js';

export interface WorkerDeps {
  readonly config: Config;
  readonly log: Logger;
  readonly repositories: Repositories;
  readonly stores: BlobStores;
  /** Names this process on the jobs it holds. */
  readonly workerId: string;
  readonly databaseUrl: string;
  readonly engines: EngineRegistry;
  readonly enqueue: Enqueue;
}

/** One processor per delivery name. Each is loaded with its first delivery: an idle worker holds no image decoder. */
export function processorsOf(deps: WorkerDeps): Processors {
  const { config, log, repositories, stores } = deps;
  const checks = { config, log, repositories, datasets: stores.datasets, artifacts: stores.artifacts };
  return {
    'dataset.check': whenNeeded<'dataset.check'>(async () =>
      (await import('./processors/dataset-check.js')).datasetCheck(checks),
    ),
    'base.check': whenNeeded<'base.check'>(async () => (await import('./processors/base-check.js')).baseCheck(checks)),
    'base.download': whenNeeded<'base.download'>(async () =>
      (await import('./processors/base-download.js')).baseDownload({ ...checks, enqueue: deps.enqueue }),
    ),
    'job.train': whenNeeded<'job.train'>(async () => (await import('./processors/job-train.js')).jobTrain(deps)),
  };
}

type Processor<N extends QueueJobName> = (payload: QueuePayloads[N], signal: AbortSignal) => Promise<void>;

function whenNeeded<N extends QueueJobName>(load: () => Promise<Processor<N>>): Processor<N> {
  let loading: Promise<Processor<N>> | null = null;
  return async (payload, signal) => {
    loading ??= load();
    await (await loading)(payload, signal);
  };
}
