import type { Static } from 'typebox';
import { encodeCursor } from '../../db/cursor.js';
import type {
  Engine,
  JobEvent as EventRecord,
  Hyperparameters,
  JobMemory,
  Job as JobRecord,
  Method,
  MetricPoint,
  Progress,
} from '../../domain/types.js';
import { problemOrNull, time, timeOrNull } from '../../http/render.js';
import type { Job, JobEvent, JobMetric } from './schema.js';

/** Objects in the order of the contract: the database keeps the fields of JSON in an order of its own. */
function hyperparametersBody(given: Hyperparameters): Hyperparameters {
  const { epochs, learningRate, batchSize, weightDecay, labelSmoothing, seed, ...rest } = given;
  const { classWeights, longText, pooling, ...tuning } = rest;
  const common = { epochs, learningRate, batchSize, weightDecay, labelSmoothing, seed };
  return {
    ...common,
    ...(classWeights !== undefined && { classWeights }),
    ...(longText !== undefined && { longText }),
    ...(pooling !== undefined && { pooling }),
    ...tuning,
  };
}
export function methodBody({ type, ...rest }: Method): Method {
  return { type, ...rest } as Method;
}
function progressBody(progress: Progress | null): Progress | null {
  if (progress === null) return null;
  const { phase, done, total, fraction, etaSeconds } = progress;
  return { phase, done, total, fraction, etaSeconds };
}
function memoryBody(memory: JobMemory | null): JobMemory | null {
  if (memory === null) return null;
  const { estimate, available, peak } = memory;
  const { process, parameters, optimizer, activations, pictures, total } = estimate;
  return { estimate: { process, parameters, optimizer, activations, pictures, total }, available, peak };
}
export function engineBody({ executor, version, device }: Engine): Engine {
  return { executor, version, device };
}

export function jobBody(job: JobRecord): Static<typeof Job> {
  const { id, name, state, attempt, task, dataset, base, hyperparameters, validation, metadata } = job;
  const { progress, metrics, engine, modelId, retryOf, error, createdAt, startedAt, finishedAt } = job;
  return {
    ...{ object: 'job', id, name, state, attempt, task, dataset, base },
    method: methodBody(job.method),
    hyperparameters: hyperparametersBody(hyperparameters),
    ...{ validation, metadata, progress: progressBody(progress), metrics },
    engine: engine === null ? null : engineBody(engine),
    memory: memoryBody(job.memory),
    ...{ model: modelId, retryOf },
    error: problemOrNull(error),
    createdAt: time(createdAt),
    startedAt: timeOrNull(startedAt),
    finishedAt: timeOrNull(finishedAt),
  };
}

export function eventBody(event: EventRecord): Static<typeof JobEvent> {
  const { id, jobId, type, level, message, data, createdAt } = event;
  return { object: 'event', id, job: jobId, type, level, message, data, createdAt: time(createdAt) };
}

export function metricBody({ name, step, value, attempt, createdAt }: MetricPoint): Static<typeof JobMetric> {
  return { object: 'metric', name, step, value, attempt, createdAt: time(createdAt) };
}

/**
 * A page of a log that grows: `limit + 1` rows were asked for. There is a cursor even at the end, so that a client can
 * ask again from there.
 */
export function logBody<T extends { readonly seq: bigint }, R>(
  rows: readonly T[],
  { limit, after }: { limit: number; after?: string },
  render: (row: T) => R,
) {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    object: 'list' as const,
    data: shown.map(render),
    hasMore: rows.length > limit,
    nextCursor: last === undefined ? (after ?? null) : encodeCursor(last.seq),
  };
}
