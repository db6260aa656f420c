import type { JobState } from '../domain/lifecycle.js';
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
} from '../domain/types.js';
import type { StoredProblem } from '../errors.js';

/** Rows of `job`, `event` and `metric` as pg gives them, and what they are in the project's own types. */
export interface JobRow {
  id: string;
  project_id: string;
  name: string | null;
  state: JobState;
  attempt: number;
  task: Task;
  dataset_id: string;
  dataset_revision: number;
  base_id: string;
  base_digest: string;
  method: Method;
  hyperparameters: Hyperparameters;
  validation: { fraction: number } | null;
  metadata: Record<string, string>;
  engine_requested: Job['engineRequested'];
  engine: Engine | null;
  memory: JobMemory | null;
  progress: Progress | null;
  metrics: Record<string, number>;
  model_id: string | null;
  retry_of: string | null;
  error: StoredProblem | null;
  intent: Job['intent'];
  created_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
}

export function jobOf(row: JobRow): Job {
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    state: row.state,
    attempt: row.attempt,
    task: row.task,
    dataset: { id: row.dataset_id, revision: row.dataset_revision },
    base: { id: row.base_id, digest: row.base_digest },
    method: row.method,
    hyperparameters: row.hyperparameters,
    validation: row.validation,
    metadata: row.metadata,
    engineRequested: row.engine_requested,
    engine: row.engine,
    memory: row.memory,
    progress: row.progress,
    metrics: row.metrics,
    modelId: row.model_id,
    retryOf: row.retry_of,
    error: row.error,
    intent: row.intent,
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  };
}

export interface EventRow {
  seq: string;
  id: string;
  job_id: string;
  type: JobEvent['type'];
  level: JobEvent['level'];
  message: string;
  data: Record<string, Json>;
  created_at: Date;
}

export function eventOf(row: EventRow): JobEvent {
  return {
    seq: BigInt(row.seq),
    id: row.id,
    jobId: row.job_id,
    type: row.type,
    level: row.level,
    message: row.message,
    data: row.data,
    createdAt: row.created_at,
  };
}

export interface MetricRow {
  seq: string;
  name: string;
  step: number;
  value: number;
  attempt: number;
  created_at: Date;
}

export function metricOf(row: MetricRow): MetricPoint {
  return {
    seq: BigInt(row.seq),
    name: row.name,
    step: row.step,
    value: row.value,
    attempt: row.attempt,
    createdAt: row.created_at,
  };
}
