import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freshKey } from '../../src/api-keys.js';
import { buildApp } from '../../src/app.js';
import { assertSchema, DEFAULT_PROJECT_ID, migrationsFolder, repositories } from '../../src/db/index.js';
import { jobCounts } from '../../src/db/job-counts.js';
import type { Repositories, Scope } from '../../src/domain/ports.js';
import type { App, AppDeps } from '../../src/http/deps.js';
import { newId } from '../../src/ids.js';
import { createLogger } from '../../src/log.js';
import { modelExporter } from '../../src/services/model-export.js';
import { predictClient } from '../../src/services/predict-client.js';
import { type BlobStores, blobStores } from '../../src/storage/index.js';
import { type TestDatabase, testDatabase } from './postgres.js';

export interface TestService {
  readonly app: App;
  readonly url: string;
  readonly db: TestDatabase;
  readonly repos: Repositories;
  readonly stores: BlobStores;
  readonly deps: AppDeps;
  /** What was handed to the queue, in order. */
  readonly delivered: { name: string; payload: unknown }[];
  key(...scopes: Scope[]): Promise<string>;
  close(): Promise<void>;
}

/** The HTTP service on a port of its own, over a real database and real stores; the queue only takes notes. */
export async function testService(
  changes: Partial<Omit<AppDeps, 'config'>> & { config?: Partial<AppDeps['config']>; db?: TestDatabase } = {},
): Promise<TestService> {
  const { db = await testDatabase(), ...rest } = changes;
  const home = await mkdtemp(join(tmpdir(), 'graft-http-'));
  const repos = repositories(db);
  const stores = await blobStores({ home }, db);
  const predictor = predictClient({ predictUrl: `unix:${join(home, 'predict.sock')}` });
  const delivered: { name: string; payload: unknown }[] = [];
  const deps: AppDeps = {
    log: createLogger({ logLevel: 'silent' }, 'test'),
    projectId: DEFAULT_PROJECT_ID,
    repositories: repos,
    stores,
    enqueue: async (name, payload) => {
      delivered.push({ name, payload });
    },
    predictor,
    exportModel: modelExporter({ repositories: repos, artifacts: stores.artifacts }),
    checks: {
      database: async () => {
        await db.pool.query('SELECT 1');
      },
      schema: () => assertSchema(db.pool, migrationsFolder()),
    },
    jobCounts: () => jobCounts(db.pool),
    ...rest,
    config: {
      openLoopback: true,
      embedded: true,
      maxUploadBytes: 64 * 1024 * 1024,
      maxPredictBytes: 4 * 1024 * 1024,
      requestsPerSecond: 0,
      ...changes.config,
    },
  };
  const app = buildApp(deps);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    ...{ app, url, db, repos, stores, deps, delivered },
    key: async (...scopes) => {
      const { secret, digest, prefix } = freshKey();
      await repos.keys.create({
        id: newId('key'),
        projectId: DEFAULT_PROJECT_ID,
        name: 'test',
        scopes,
        digest,
        prefix,
        expiresAt: null,
      });
      return secret;
    },
    close: async () => {
      await app.close();
      await predictor.close();
      await db.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}
