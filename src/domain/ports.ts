import type { StoredProblem } from '../errors.js';
import type { JobState } from './lifecycle.js';
import type {
  Base,
  BaseFacts,
  Certificate,
  Dataset,
  DatasetReport,
  DatasetRevision,
  DatasetSummary,
  Engine,
  EvaluationExample,
  Example,
  Hyperparameters,
  Job,
  JobEvent,
  Json,
  Method,
  MetricPoint,
  Model,
  Progress,
  Split,
  Task,
} from './types.js';

/**
 * What use cases and workers need of the database, in the project's own types. Every read and write is of one project
 * (tenant) unless its name says otherwise; `src/db` implements these, one file per aggregate.
 */
export interface Page<T> {
  readonly data: readonly T[];
  readonly nextCursor: string | null;
}
/** `after` is an opaque cursor from a page; a bad one throws `request-invalid`. */
export interface PageRequest {
  readonly limit: number;
  readonly after?: string;
}

export interface DatasetRepository {
  create(input: { id: string; projectId: string; name: string; task: Task }): Promise<Dataset>;
  /** Starts the next revision in state `receiving`; the dataset shows it from then on. */
  startRevision(projectId: string, id: string, mediaType: string, uploadKey: string): Promise<DatasetRevision>;
  /** The upload is whole: `receiving -> checking`. */
  uploaded(id: string, revision: number, content: { digest: string; bytes: number }): Promise<void>;
  /** Drops a dataset or revision whose upload failed; the dataset shows the revision before it. */
  abandonRevision(id: string, revision: number): Promise<void>;
  get(projectId: string, id: string): Promise<Dataset | null>;
  list(projectId: string, page: PageRequest): Promise<Page<Dataset>>;
  /** Marks as deleted; refuses with `in-use` while a job that is not terminal stands on it. */
  delete(projectId: string, id: string): Promise<boolean>;
  /** Any project's: workers know the id from the queue. */
  revision(id: string, number: number): Promise<DatasetRevision | null>;
  /** Replaces the revision's examples in batches; used by checking, idempotent. */
  clearExamples(id: string, revision: number): Promise<void>;
  addExamples(id: string, revision: number, examples: readonly Example[]): Promise<void>;
  /** `checking -> ready | invalid`; a revision that is no longer `checking` is left alone (returns false). */
  checked(
    id: string,
    revision: number,
    outcome:
      | { state: 'ready'; packKey: string; summary: DatasetSummary; report: DatasetReport }
      | { state: 'invalid'; error: StoredProblem; summary: DatasetSummary | null; report: DatasetReport | null },
  ): Promise<boolean>;
  /** All readable examples of a revision, in index order. */
  examples(id: string, revision: number): Promise<readonly Example[]>;
  listExamples(
    id: string,
    revision: number,
    filter: { label?: string; split?: Split; problem?: boolean | string },
    page: PageRequest,
  ): Promise<Page<Example>>;
  /** Revisions of any project in `checking` for longer than `olderThanMs`: what the queue may have forgotten. */
  staleChecks(olderThanMs: number): Promise<readonly { datasetId: string; revision: number }[]>;
}

export interface BaseRepository {
  /** Names are unique among a project's bases that are not deleted: else `name-taken`. */
  create(input: { id: string; projectId: string; name: string; uploadKey: string }): Promise<Base>;
  uploaded(id: string, content: { digest: string; bytes: number }): Promise<void>;
  abandon(id: string): Promise<void>;
  checked(
    id: string,
    outcome:
      | { state: 'ready'; digest: string; bytes: number; blobKey: string; facts: BaseFacts }
      | { state: 'invalid'; error: StoredProblem },
  ): Promise<boolean>;
  /** By id, by name, or by digest (`sha256:…`). */
  find(projectId: string, reference: string): Promise<Base | null>;
  /** Any project's, for workers. */
  byId(id: string): Promise<Base | null>;
  list(projectId: string, page: PageRequest): Promise<Page<Base>>;
  /** Marks as deleted; refuses with `in-use` while a job that is not terminal, or a model, stands on it. */
  delete(projectId: string, id: string): Promise<boolean>;
  staleChecks(olderThanMs: number): Promise<readonly { baseId: string }[]>;
}

/** Names the holder of a job; a write whose `attempt` is not the row's current one changes nothing and returns false. */
export interface Fence {
  readonly jobId: string;
  readonly attempt: number;
}
export interface NewEvent {
  readonly type: JobEvent['type'];
  readonly level?: JobEvent['level'];
  readonly message: string;
  readonly data?: Readonly<Record<string, Json>>;
}
export interface JobPatch {
  readonly progress?: Progress | null;
  readonly metrics?: Readonly<Record<string, number>>;
  readonly hyperparameters?: Hyperparameters;
  readonly method?: Method;
  readonly engine?: Engine;
  readonly modelId?: string;
  readonly error?: StoredProblem;
}
export interface NewJob {
  readonly id: string;
  readonly projectId: string;
  readonly name: string | null;
  readonly task: Task;
  readonly dataset: { id: string; revision: number };
  readonly base: { id: string; digest: string };
  readonly method: Method;
  readonly hyperparameters: Hyperparameters;
  readonly validation: { fraction: number } | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly engineRequested: Job['engineRequested'];
  readonly retryOf: string | null;
}
export interface JobRepository {
  /**
   * Row and first event in one transaction. Throws `job-impossible` where the dataset or the base was deleted, at whatever
   * moment: either is kept from being deleted until the job is there.
   */
  create(job: NewJob): Promise<Job>;
  get(projectId: string, id: string): Promise<Job | null>;
  byId(id: string): Promise<Job | null>;
  list(projectId: string, filter: { state?: JobState; task?: Task }, page: PageRequest): Promise<Page<Job>>;
  /**
   * A worker takes a `queued` job: attempt + 1, `preparing`, heartbeat now, `startedAt` kept from the first attempt.
   * null when the job is not queued (another worker holds it, it is terminal, paused or cancelled).
   */
  claim(id: string, workerId: string): Promise<Job | null>;
  /** Keeps the hold and tells what the user asks meanwhile; `held: false` means: stop, the job is not yours any more. */
  heartbeat(fence: Fence): Promise<{ held: boolean; intent: Job['intent'] }>;
  /** Change of state and its event in one transaction, guarded by the transition table and the fence, in SQL. */
  transition(fence: Fence, to: JobState, event: NewEvent, patch?: JobPatch): Promise<boolean>;
  /** Progress, metrics, engine: no change of state. */
  update(fence: Fence, patch: JobPatch, event?: NewEvent): Promise<boolean>;
  addMetrics(fence: Fence, points: readonly { name: string; step: number; value: number }[]): Promise<boolean>;
  /** `publishing -> succeeded`, model row, evaluation examples and event in one transaction. */
  publish(fence: Fence, model: NewModel, metrics: Readonly<Record<string, number>>): Promise<boolean>;
  /**
   * What a user asks. `queued` and `paused` jobs change at once; held ones get the intent (and `cancelling` / `pausing`).
   * Throws `state-conflict` (naming the state and what it allows) where the state does not allow it. `retry` makes a new job.
   */
  request(projectId: string, id: string, action: 'cancel' | 'pause' | 'resume' | 'stop'): Promise<Job>;
  events(jobId: string, after: bigint, limit: number): Promise<readonly JobEvent[]>;
  metrics(jobId: string, name: string | undefined, after: bigint, limit: number): Promise<readonly MetricPoint[]>;
  /** Queued for longer than this: enqueue again (idempotent). */
  forgotten(olderThanMs: number): Promise<readonly string[]>;
  /**
   * Jobs whose heartbeat is older than `silentMs`: back to `queued` with an event (`cancelling` -> `cancelled`,
   * `pausing` -> `paused`), or `failed` with `worker-lost` after `maxAttempts`. Returns the ids now queued.
   */
  reclaim(silentMs: number, maxAttempts: number): Promise<readonly string[]>;
}

export interface NewModel extends Omit<Model, 'createdAt'> {
  readonly evaluation: Json;
  readonly examples: readonly EvaluationExample[];
}
export interface ModelRepository {
  /** By id or alias. */
  find(projectId: string, reference: string): Promise<Model | null>;
  list(projectId: string, page: PageRequest): Promise<Page<Model>>;
  evaluation(id: string): Promise<Json | null>;
  evaluationExamples(
    id: string,
    filter: { actual?: string; predicted?: string },
    page: PageRequest,
  ): Promise<Page<EvaluationExample>>;
  /** Marks as deleted, drops its aliases. */
  delete(projectId: string, id: string): Promise<boolean>;
  setAlias(projectId: string, name: string, modelId: string): Promise<void>;
  aliases(projectId: string): Promise<readonly { name: string; modelId: string; createdAt: Date }[]>;
  deleteAlias(projectId: string, name: string): Promise<boolean>;
}

export const SCOPES = ['read', 'write', 'predict', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];
export interface ApiKey {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** First characters, so that a person can tell keys apart. */
  readonly prefix: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  readonly expiresAt: Date | null;
}
export interface KeyRepository {
  create(key: Omit<ApiKey, 'createdAt' | 'lastUsedAt'> & { digest: string }): Promise<ApiKey>;
  byDigest(digest: string): Promise<ApiKey | null>;
  list(projectId: string, page: PageRequest): Promise<Page<ApiKey>>;
  revoke(projectId: string, id: string): Promise<boolean>;
}

export interface StoredAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
/** `Idempotency-Key`: the first request with a key is answered and kept for 24 hours, later ones get the same answer. */
export interface IdempotencyRepository {
  /** `fresh`: go on, then `finish` or `release`. `replay`: the kept answer. `conflict`: other body. `busy`: being answered. */
  begin(
    projectId: string,
    key: string,
    fingerprint: string,
  ): Promise<{ kind: 'fresh' } | { kind: 'replay'; answer: StoredAnswer } | { kind: 'conflict' } | { kind: 'busy' }>;
  finish(projectId: string, key: string, answer: StoredAnswer): Promise<void>;
  release(projectId: string, key: string): Promise<void>;
}

export interface Repositories {
  readonly datasets: DatasetRepository;
  readonly bases: BaseRepository;
  readonly jobs: JobRepository;
  readonly models: ModelRepository;
  readonly keys: KeyRepository;
  readonly idempotency: IdempotencyRepository;
}
export type { Certificate };
