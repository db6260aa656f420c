import type { AddressInfo } from 'node:net';
import { buildApp } from './app.js';
import type { Config } from './config.js';
import { ensureFirstKey } from './db/first-key.js';
import { assertSchema, connectDatabase, DEFAULT_PROJECT_ID, migrationsFolder, repositories } from './db/index.js';
import { jobCounts } from './db/job-counts.js';
import { namedUploads, packlessRevisions } from './db/upload-keys.js';
import type { Logger } from './log.js';
import { connectQueue } from './queue/producer.js';
import { modelExporter } from './services/model-export.js';
import { predictClient } from './services/predict-client.js';
import { sweepPacks, sweepUploads } from './services/sweep-uploads.js';
import { blobStores } from './storage/index.js';

export interface RunningApi {
  readonly port: number;
  /** HTTP first, then what it stands on: queue, prediction, database. */
  close(): Promise<void>;
}

/** Requests under way may take this long to end, in milliseconds; then their connections are cut. */
const GRACE_MS = 6_000;
const CONNECTIONS = 10;
const SWEEP_MS = 6 * 3600 * 1000;

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
    await app.listen({ host: config.host, port: config.port });
    const { port } = app.server.address() as AddressInfo;
    log.info({ host: config.host, port }, 'The API is up');
    return {
      port,
      close: async () => {
        clearInterval(sweeping);
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
