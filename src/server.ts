import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildApp } from './app.js';
import type { Config } from './config.js';
import { exclusively } from './db/exclusively.js';
import { ensureFirstKey } from './db/first-key.js';
import { assertSchema, connectDatabase, DEFAULT_PROJECT_ID, migrationsFolder, repositories } from './db/index.js';
import { jobCounts } from './db/job-counts.js';
import { namedUploads, packlessRevisions, unneededBases } from './db/upload-keys.js';
import type { Logger } from './log.js';
import { connectQueue } from './queue/producer.js';
import { addBundledBases, bundledBases } from './services/bundled-bases.js';
import { modelExporter } from './services/model-export.js';
import { predictClient } from './services/predict-client.js';
import { sweepBases, sweepPacks, sweepUploads } from './services/sweep-uploads.js';
import { blobStores } from './storage/index.js';

export interface RunningApi {
  readonly port: number;
  /** HTTP first, then what it stands on: queue, prediction, database. */
  close(): Promise<void>;
}

/** Requests under way may take this long to end, in milliseconds; then their connections are cut. */
const GRACE_MS = 6_000;
const CONNECTIONS = 10;
/** No request needs a statement that takes this long; a database that hangs must not keep callers for ever. */
const STATEMENT_MS = 30_000;
const SWEEP_MS = 6 * 3600 * 1000;
/** Processes that start at once add the installation's bases one after the other ("base" in ASCII). */
const BUNDLED_LOCK = 0x62_61_73_65;
/** The start waits so long for them, in milliseconds; a queue that does not answer must not hold up the rest. */
const BUNDLED_PATIENCE_MS = 2000;
const BUNDLED_AGAIN_MS = 15_000;

/** Everything the API process does, as a function of its configuration. Throws when the schema is another version's. */
export async function startApi(
  config: Config,
  options: { readonly adminKey: string | null; readonly log: Logger },
): Promise<RunningApi> {
  const { log } = options;
  const { databaseUrl } = config;
  if (databaseUrl === null) throw new Error('DATABASE_URL is not set; `npm start` sets it for its own Postgres.');
  const db = connectDatabase(databaseUrl, {
    max: CONNECTIONS,
    name: 'graft-api',
    statementMs: STATEMENT_MS,
    onError: (error) => log.warn({ err: error }, 'A connection to Postgres was lost'),
  });
  try {
    const migrations = migrationsFolder();
    await assertSchema(db.pool, migrations);
    if (options.adminKey !== null) await ensureFirstKey(db.pool, DEFAULT_PROJECT_ID, options.adminKey);
    const stores = await blobStores(config, db);
    const repos = repositories(db);
    const queue = connectQueue(config, databaseUrl, log);
    const predictor = predictClient(config);
    const app = buildApp({
      config,
      log,
      projectId: DEFAULT_PROJECT_ID,
      repositories: repos,
      stores,
      enqueue: queue.enqueue,
      predictor,
      exportModel: modelExporter({ repositories: repos, artifacts: stores.artifacts }),
      checks: {
        database: async () => {
          await db.pool.query('SELECT 1');
        },
        schema: () => assertSchema(db.pool, migrations),
        queue: () => queue.ping(),
        prediction: async () => {
          if (!(await predictor.health())) throw new Error('no prediction process answers');
        },
      },
      jobCounts: () => jobCounts(db.pool),
    });
    const sweep = () =>
      Promise.all([
        sweepBases(stores.artifacts, (digests) => unneededBases(db.pool, digests)),
        sweepPacks(stores.datasets, (revisions) => packlessRevisions(db.pool, revisions)),
        ...[stores.datasets, stores.artifacts].map((store) =>
          sweepUploads(store, (keys) => namedUploads(db.pool, keys)),
        ),
      ])
        .then((counts) => log.debug({ blobs: counts.reduce((a, b) => a + b) }, 'Swept what nobody names'))
        .catch((error: unknown) => log.warn({ err: error }, 'Stores cannot be swept'));
    const sweeping = setInterval(sweep, SWEEP_MS);
    sweeping.unref();
    void sweep();
    const adding = repeatUntilDone(
      async () => {
        const services = { repositories: repos, stores, enqueue: queue.enqueue };
        const names = await exclusively(db.pool, BUNDLED_LOCK, () =>
          addBundledBases(services, DEFAULT_PROJECT_ID, bundledBases()),
        );
        if (names.length > 0) log.info({ bases: names }, "Added the installation's own bases");
      },
      (error) => log.warn({ err: error }, "The installation's own bases cannot be added yet"),
    );
    await Promise.race([adding.first, sleep(BUNDLED_PATIENCE_MS, undefined, { ref: false })]);
    await app.listen({ host: config.host, port: config.port });
    const { port } = app.server.address() as AddressInfo;
    log.info({ host: config.host, port }, 'The API is up');
    return {
      port,
      close: async () => {
        clearInterval(sweeping);
        adding.stop();
        const late = setTimeout(() => app.server.closeAllConnections(), GRACE_MS);
        await app.close();
        clearTimeout(late);
        await queue.close();
        await predictor.close();
        await db.close();
      },
    };
  } catch (error) {
    await db.close();
    throw error;
  }
}

/** Tries until it succeeds or is told to stop; `first` resolves after the first try, however that went. */
function repeatUntilDone(work: () => Promise<void>, onError: (error: unknown) => void) {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const attempt = (): Promise<void> =>
    work().catch((error: unknown) => {
      if (stopped) return;
      onError(error);
      timer = setTimeout(attempt, BUNDLED_AGAIN_MS);
      timer.unref();
    });
  return {
    first: attempt(),
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
