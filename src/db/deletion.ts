import type { Pool, PoolClient } from 'pg';
import { GraftError } from '../errors.js';
import { inTransaction } from './transaction.js';

/** What may not be deleted while others stand on it: `users` selects these by `$1` the thing and `$2` its project. */
const STANDING = {
  dataset: {
    users: `SELECT 'jobs' AS kind, id, name FROM job WHERE dataset_id = $1 AND project_id = $2 AND finished_at IS NULL ORDER BY id`,
    words: 'Jobs that have not ended stand on it',
    mend: 'Cancel them first.',
  },
  base: {
    users: `SELECT 'jobs' AS kind, id, name FROM job WHERE base_id = $1 AND project_id = $2 AND finished_at IS NULL
      UNION ALL SELECT 'models', id, name FROM model WHERE base_id = $1 AND project_id = $2 AND deleted_at IS NULL`,
    words: 'Jobs that have not ended or models stand on it',
    mend: 'Cancel or delete them first.',
  },
  model: {
    users: `SELECT 'bases' AS kind, id, name FROM base WHERE model_id = $1 AND project_id = $2 AND deleted_at IS NULL
      AND state <> 'invalid' ORDER BY id`,
    words: 'Bases that were made from it stand on it',
    mend: 'Delete them first.',
  },
} as const;
const MOST_LISTED = 20;

/**
 * Marks the row as deleted unless others stand on it; false: there is none. The mark comes first and locks the row, which
 * those who put something on it lock too (`jobs.create`, `bases.createFrom`): what is made at the same moment is either seen
 * here, or finds the row deleted. `also` goes with it.
 * @throws GraftError `in-use` with the list of what stands on it.
 */
export function deleteUnlessUsed(
  pool: Pool,
  table: keyof typeof STANDING,
  projectId: string,
  id: string,
  also: (client: PoolClient) => Promise<unknown> = async () => {},
): Promise<boolean> {
  const { users, words, mend } = STANDING[table];
  return inTransaction(pool, async (client) => {
    const { rowCount } = await client.query(
      `UPDATE ${table} SET deleted_at = now() WHERE id = $1 AND project_id = $2 AND deleted_at IS NULL`,
      [id, projectId],
    );
    if (rowCount !== 1) return false;
    const { rows } = await client.query<{ kind: string; id: string; name: string | null }>(
      `${users} LIMIT ${MOST_LISTED}`,
      [id, projectId],
    );
    if (rows.length > 0)
      throw new GraftError('in-use', `${words}: ${rows.map((row) => row.id).join(', ')}. ${mend}`, {
        errors: rows.map((row) => ({
          path: `/v1/${row.kind}/${row.id}`,
          code: 'stands-on-it',
          detail: row.name ?? row.id,
        })),
      });
    await also(client);
    return true;
  });
}
