import type { Repositories } from '../domain/ports.js';
import { baseRepository } from './bases.js';
import type { Database } from './client.js';
import { datasetRepository } from './datasets.js';
import { engineRepository } from './engines.js';
import { idempotencyRepository } from './idempotency.js';
import { jobRepository } from './jobs.js';
import { keyRepository } from './keys.js';
import { modelRepository } from './models.js';

export { connectDatabase, type Database, DEFAULT_PROJECT_ID, migrationsFolder } from './client.js';
export { assertSchema, migrate } from './migrate.js';

export function repositories(db: Database): Repositories {
  return {
    datasets: datasetRepository(db),
    bases: baseRepository(db),
    jobs: jobRepository(db),
    models: modelRepository(db),
    keys: keyRepository(db),
    idempotency: idempotencyRepository(db),
    engines: engineRepository(db),
  };
}
