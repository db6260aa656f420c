import type { BaseRepository } from './ports/bases.js';
import type { DatasetRepository } from './ports/datasets.js';
import type { EngineRepository } from './ports/engines.js';
import type { IdempotencyRepository } from './ports/idempotency.js';
import type { JobRepository } from './ports/jobs.js';
import type { KeyRepository } from './ports/keys.js';
import type { ModelRepository } from './ports/models.js';

export type * from './ports/bases.js';
export type * from './ports/checks.js';
export type * from './ports/datasets.js';
export type * from './ports/engines.js';
export type * from './ports/idempotency.js';
export type * from './ports/jobs.js';
export * from './ports/keys.js';
export type * from './ports/models.js';
export type * from './ports/page.js';

/**
 * What use cases and workers need of the database, in the project's own types. Every read and write is of one project
 * (tenant) unless its name says otherwise; `src/db` implements these, one file per aggregate.
 */
export interface Repositories {
  readonly datasets: DatasetRepository;
  readonly bases: BaseRepository;
  readonly jobs: JobRepository;
  readonly models: ModelRepository;
  readonly keys: KeyRepository;
  readonly idempotency: IdempotencyRepository;
  readonly engines: EngineRepository;
}
