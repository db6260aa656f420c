import type { Pool } from 'pg';
import type { CheckEnd, CheckTries } from '../domain/ports.js';
import type { ContentState } from '../domain/types.js';
import type { StoredProblem } from '../errors.js';
import { keptJson } from './kept-json.js';

/** Rows that are checked, by the values of their key. */
const ROWS = {
  dataset_revision: 'dataset_id = $1 AND number = $2',
  base: 'id = $1',
} as const;
type Table = keyof typeof ROWS;
/** Still to be decided; what is `receiving` and tried comes from a hub. */
const OPEN = "state IN ('receiving', 'checking')";

/** `updated_at` stays: the reconciler's ever longer pauses go by it. */
export async function startCheck(pool: Pool, table: Table, key: readonly unknown[]): Promise<CheckTries | null> {
  const { rows } = await pool.query<CheckTries>(
    `UPDATE ${table} SET checks_started = checks_started + 1 WHERE ${ROWS[table]} AND ${OPEN}
     RETURNING checks_started AS started, checks_failed AS failed`,
    [...key],
  );
  return rows[0] ?? null;
}

export async function endCheck(pool: Pool, table: Table, key: readonly unknown[], how: CheckEnd): Promise<void> {
  const why = how === 'interrupted' ? [] : [keptJson(how.failed)];
  const change =
    how === 'interrupted'
      ? 'checks_started = checks_started - 1'
      : `checks_failed = checks_failed + 1, error = $${key.length + 1}`;
  await pool.query(`UPDATE ${table} SET ${change} WHERE ${ROWS[table]} AND ${OPEN}`, [...key, ...why]);
}

/** While something is received or checked, its `error` column holds why the last try failed. */
export function problemsOf(state: ContentState, stored: StoredProblem | null) {
  const decided = state === 'ready' || state === 'invalid';
  return { error: decided ? stored : null, waiting: decided ? null : stored };
}
