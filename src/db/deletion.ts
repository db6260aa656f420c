import type { Pool } from 'pg';
import { GraftError } from '../errors.js';
import { inTransaction } from './transaction.js';

/**
 * What may not be deleted while others stand on it: `users` selects their ids by `$1` the thing and `$2` its project.
 */
const STANDING = {
  dataset: {
    users: `SELECT id FROM job WHERE dataset_id = $1 AND project_id = $2 AND finished_at IS NULL ORDER BY id LIMIT 20`,
    words: (ids: string) => `Jobs that have not ended stand on it: ${ids}. Cancel them first.`,
  },
  base: {
    users: `SELECT id FROM job WHERE base_id = $1 AND project_id = $2 AND finished_at IS NULL
      UNION ALL SELECT id FROM model WHERE base_id = $1 AND project_id = $2 AND deleted_at IS NULL LIMIT 20`,
    words: (ids: string) => `Jobs that have not ended or models stand on it: ${ids}.`,
  },
} as const;

/**
 * Marks the row as deleted unless others stand on it; false: there is none. The mark comes first and locks the row, which
 * `jobs.create` locks too: a job made at the same moment is either seen here, or finds the row deleted.
 * @throws GraftError `in-use`.
 */
export function deleteUnlessUsed(
  pool: Pool,
  table: keyof typeof STANDING,
  projectId: string,
  id: string,
): Promise<boolean> {
  const { users, words } = STANDING[table];
  return inTransaction(pool, async (client) => {
    const { rowCount } = await client.query(
      `UPDATE ${table} SET deleted_at = now() WHERE id = $1 AND project_id = $2 AND deleted_at IS NULL`,
      [id, projectId],
    );
    if (rowCount !== 1) return false;
    const { rows } = await client.query<{ id: string }>(users, [id, projectId]);
    if (rows.length > 0) throw new GraftError('in-use', words(rows.map((row) => row.id).join(', ')));
    return true;
  });
}
