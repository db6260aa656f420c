import { buildApp } from './app.js';
import { readConfig } from './config.js';
import { assertSchema, connectDatabase, DEFAULT_PROJECT_ID, migrationsFolder, repositories } from './db/index.js';
import type { JobState } from './domain/lifecycle.js';
import { createLogger } from './log.js';
import { connectQueue } from './queue/producer.js';
import { modelExporter } from './services/model-export.js';
import { predictClient } from './services/predict-client.js';
import { blobStores } from './storage/index.js';

/** The API process: configuration, what it stands on, listen; at SIGTERM HTTP ends first, then queue, then database. */
const config = readConfig();
const log = createLogger(config, 'api');

function failed(error: unknown): never {
  log.fatal({ err: error }, 'The API cannot go on');
  process.exit(1);
}

async function start(databaseUrl: string): Promise<() => Promise<void>> {
  const db = connectDatabase(databaseUrl, {
    name: 'graft-api',
    onError: (error) => log.warn({ err: error }, 'A connection to Postgres was lost'),
  });
  await assertSchema(db.pool, migrationsFolder());
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
      schema: () => assertSchema(db.pool, migrationsFolder()),
      queue: () => queue.ping(),
      prediction: async () => {
        if (!(await predictor.health())) throw new Error('no prediction process answers');
      },
    },
    jobCounts: async () => {
      const { rows } = await db.pool.query<{ state: JobState; count: string }>(
        'SELECT state, count(*) FROM job GROUP BY state',
      );
      return Object.fromEntries(rows.map((row) => [row.state, Number(row.count)]));
    },
  });
  await app.listen({ host: config.host, port: config.port });
  return async () => {
    await app.close();
    await predictor.close();
    await queue.close();
    await db.close();
  };
}

if (config.databaseUrl === null) {
  failed(new Error('DATABASE_URL is not set; `npm start` sets it for its own Postgres.'));
}
try {
  const close = await start(config.databaseUrl);
  let ending = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (ending) return;
      ending = true;
      log.info({ signal }, 'Ending');
      close().then(() => process.exit(0), failed);
    });
  }
} catch (error) {
  failed(error);
}
