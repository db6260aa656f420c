import type { Pool, PoolClient } from 'pg';
import { isHeld, isTerminal, type JobState, sourcesOf } from '../domain/lifecycle.js';
import type { Fence, JobPatch, NewEvent } from '../domain/ports.js';
import { newId } from '../ids.js';
import { keepable } from '../words.js';
import { keptJson } from './kept-json.js';

/**
 * Every change of a job is one statement that locks its row, is guarded by fence and transition table, and writes the
 * event from the row it changed: state and event stand or fall together, and a job's events are numbered in the order
 * of its changes. What the guards refuse changes no row, and the statement says so by its count.
 */
const TERMINAL = `('succeeded', 'failed', 'cancelled')`;

/** `$1` job, `$2` attempt; further parameters are numbered from `next`. */
function patchSql(patch: JobPatch, values: unknown[]): string[] {
  const set = (column: string, value: unknown, json = true) => {
    values.push(json && value !== null ? keptJson(value) : value);
    return `${column} = $${values.length}`;
  };
  const parts: string[] = [];
  if (patch.progress !== undefined) parts.push(set('progress', patch.progress));
  if (patch.metrics !== undefined) {
    values.push(keptJson(patch.metrics));
    parts.push(`metrics = metrics || $${values.length}::jsonb`);
  }
  if (patch.hyperparameters !== undefined) parts.push(set('hyperparameters', patch.hyperparameters));
  if (patch.method !== undefined) parts.push(set('method', patch.method));
  if (patch.engine !== undefined) parts.push(set('engine', patch.engine));
  if (patch.memory !== undefined) parts.push(set('memory', patch.memory));
  if (patch.modelId !== undefined) parts.push(set('model_id', patch.modelId, false));
  if (patch.error !== undefined) parts.push(set('error', patch.error));
  return parts;
}

/** Columns that follow from entering a state. */
function stateSql(to: JobState): string[] {
  const parts = [`state = '${to}'`];
  if (isTerminal(to)) parts.push('finished_at = now()', 'intent = NULL');
  if (to === 'queued') parts.push('queued_at = now()', 'worker_id = NULL', 'heartbeat_at = NULL', 'progress = NULL');
  if (to === 'paused') parts.push('worker_id = NULL', 'heartbeat_at = NULL', 'intent = NULL');
  return parts;
}

/** The statement's tail that turns the rows of `changed` into events. */
export function eventSql(event: NewEvent, values: unknown[]): string {
  values.push(newId('evt'), event.type, event.level ?? 'info', keepable(event.message), keptJson(event.data ?? {}));
  const n = values.length;
  return `INSERT INTO event (id, project_id, job_id, type, level, message, data)
    SELECT $${n - 4}, project_id, id, $${n - 3}, $${n - 2}, $${n - 1}, $${n}::jsonb FROM changed`;
}

/** Fenced change of state with its event; false: the fence or the table refused it. */
export async function transition(
  client: Pool | PoolClient,
  fence: Fence,
  to: JobState,
  event: NewEvent,
  patch: JobPatch = {},
): Promise<boolean> {
  const values: unknown[] = [fence.jobId, fence.attempt, sourcesOf(to).filter(isHeld)];
  const set = [...stateSql(to), ...patchSql(patch, values)];
  const data = { ...event.data, state: to, attempt: fence.attempt };
  const { rowCount } = await client.query(
    `WITH changed AS (UPDATE job SET ${set.join(', ')}
       WHERE id = $1 AND attempt = $2 AND state = ANY($3) RETURNING id, project_id)
     ${eventSql({ ...event, data }, values)}`,
    values,
  );
  return rowCount === 1;
}

/** Fenced change that leaves the state alone. */
export async function update(
  client: Pool | PoolClient,
  fence: Fence,
  patch: JobPatch,
  event?: NewEvent,
): Promise<boolean> {
  const values: unknown[] = [fence.jobId, fence.attempt];
  const set = patchSql(patch, values);
  if (set.length === 0) set.push('attempt = attempt');
  const change = `UPDATE job SET ${set.join(', ')} WHERE id = $1 AND attempt = $2 AND state NOT IN ${TERMINAL} AND state <> 'queued'
    AND state <> 'paused' RETURNING id, project_id`;
  const text = event === undefined ? change : `WITH changed AS (${change}) ${eventSql(event, values)}`;
  const { rowCount } = await client.query(text, values);
  return rowCount === 1;
}

/** The unfenced ways to change a job: what a user asks, and what the reconciler finds. */
export async function forceTransition(
  client: Pool | PoolClient,
  jobId: string,
  from: readonly JobState[],
  to: JobState,
  event: NewEvent,
  extra: { set?: string; where?: string; values?: readonly unknown[] } = {},
): Promise<boolean> {
  const values: unknown[] = [jobId, from, ...(extra.values ?? [])];
  const set = [...stateSql(to), ...(extra.set === undefined ? [] : [extra.set])];
  const { rowCount } = await client.query(
    `WITH changed AS (UPDATE job SET ${set.join(', ')} WHERE id = $1 AND state = ANY($2)
       ${extra.where === undefined ? '' : `AND ${extra.where}`} RETURNING id, project_id)
     ${eventSql({ ...event, data: { ...event.data, state: to } }, values)}`,
    values,
  );
  return rowCount === 1;
}
