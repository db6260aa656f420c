import type { StoredProblem } from '../../errors.js';
import type { JobState } from '../lifecycle.js';
import type {
  Engine,
  Hyperparameters,
  Job,
  JobEvent,
  JobMemory,
  Json,
  Method,
  MetricPoint,
  Progress,
  Task,
} from '../types.js';
import type { NewModel } from './models.js';
import type { Page, PageRequest } from './page.js';

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
  readonly memory?: JobMemory;
  readonly modelId?: string;
  readonly error?: StoredProblem;
}
export interface NewJob
  extends Pick<
    Job,
    | 'id'
    | 'projectId'
    | 'name'
    | 'task'
    | 'dataset'
    | 'base'
    | 'method'
    | 'hyperparameters'
    | 'validation'
    | 'metadata'
    | 'engineRequested'
  > {
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
  /** An event on a `queued` job, once for each time it was queued. */
  waits(id: string, message: string, data: NewEvent['data']): Promise<void>;
  /** Keeps the hold and tells what the user asks meanwhile; `held: false` means: stop, the job is not yours any more. */
  heartbeat(fence: Fence): Promise<{ held: boolean; intent: Job['intent'] }>;
  /** Change of state and its event in one transaction, guarded by the transition table and the fence, in SQL. */
  transition(fence: Fence, to: JobState, event: NewEvent, patch?: JobPatch): Promise<boolean>;
  /** Progress, metrics, engine: no change of state. */
  update(fence: Fence, patch: JobPatch, event?: NewEvent): Promise<boolean>;
  /** Of several values for one name and step the last counts, whenever they come. */
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
