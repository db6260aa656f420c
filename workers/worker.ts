import type { Config } from '../src/config.js';
import { assertSchema, connectDatabase, migrationsFolder, repositories } from '../src/db/index.js';
import { startPulse } from '../src/local/pulse.js';
import type { Logger } from '../src/log.js';
import { startConsumers } from '../src/queue/consumers.js';
import { connectQueue } from '../src/queue/producer.js';
import { blobStores } from '../src/storage/index.js';
import { advertise, engineRegistry } from './engines.js';
import { sweepDownloads } from './hub/folders.js';
import { processorsOf } from './processors.js';
import { startReconciler } from './reconciler.js';

export interface RunningWorker {
  /**
   * Takes no more work, gives its jobs back, and closes what it opened, in this order; within `GRACE_MS` and a second or two.
   */
  close(): Promise<void>;
}

/** How long the processors have to give their work back, in milliseconds; the supervisor waits a little longer. */
const GRACE_MS = 10_000;
/** Two checks are decoded at a time; more would only take turns on the same cores. */
const CHECKS_AT_ONCE = 2;
/** Of bases from a hub: more would share the same line. */
const DOWNLOADS_AT_ONCE = 2;

/** Everything a worker process does, as a function of its configuration. Throws when the schema is another version's. */
export async function startWorker(
  config: Config,
  options: { databaseUrl: string; workerId: string; log: Logger },
): Promise<RunningWorker> {
  const { databaseUrl, workerId, log } = options;
  const db = connectDatabase(databaseUrl, {
    max: 4 + config.trainConcurrency,
    name: 'graft-worker',
    onError: (error) => log.warn({ err: error }, 'A connection to Postgres was lost'),
  });
  try {
    await assertSchema(db.pool, migrationsFolder());
    const stores = await blobStores(config, db);
    const repos = repositories(db);
    const queue = connectQueue(config, databaseUrl, log);
    sweepDownloads(config.home, repos.bases).catch((error: unknown) =>
      log.warn({ err: error }, 'What is left of downloads cannot be removed'),
    );
    const engines = engineRegistry({ home: config.engineHome, engine: config.engine });
    const advertised = advertise(engines, repos.engines, workerId, log);
    const consumers = startConsumers(config, databaseUrl, {
      processors: processorsOf({
        config,
        log,
        repositories: repos,
        stores,
        workerId,
        databaseUrl,
        engines,
        enqueue: queue.enqueue,
      }),
      concurrency: { check: CHECKS_AT_ONCE, download: DOWNLOADS_AT_ONCE, train: config.trainConcurrency },
      log,
    });
    const reconciler = startReconciler({
      repositories: repos,
      enqueue: queue.enqueue,
      config,
      log,
    });
    const pulse = startPulse(config.home, () => Promise.all([db.pool.query('SELECT 1'), consumers.ping()]));
    log.info({ workerId }, 'The worker is up');
    return {
      close: async () => {
        pulse.close();
        await advertised.close();
        await consumers.close(GRACE_MS);
        await reconciler.close();
        await queue.close();
        await db.close();
      },
    };
  } catch (error) {
    await db.close();
    throw error;
  }
}
