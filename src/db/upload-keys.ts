import type { Pool } from 'pg';

/** Those of `keys` that a revision or base names which is not deleted. */
export async function namedUploads(pool: Pool, keys: readonly string[]): Promise<ReadonlySet<string>> {
  if (keys.length === 0) return new Set();
  const { rows } = await pool.query<{ key: string }>(
    `SELECT r.upload_key AS key FROM dataset_revision r JOIN dataset d ON d.id = r.dataset_id
       WHERE r.upload_key = ANY($1) AND d.deleted_at IS NULL
     UNION SELECT upload_key FROM base WHERE upload_key = ANY($1) AND deleted_at IS NULL`,
    [keys],
  );
  return new Set(rows.map(({ key }) => key));
}

/**
 * Those of the revisions, as `<dataset>/<number>`, whose pack no job will read: found invalid, or of a deleted dataset. One
 * that this database does not know is not among them: it may be another's.
 */
export async function packlessRevisions(pool: Pool, revisions: readonly string[]): Promise<readonly string[]> {
  if (revisions.length === 0) return [];
  const { rows } = await pool.query<{ name: string }>(
    `SELECT name FROM (SELECT r.dataset_id || '/' || r.number AS name FROM dataset_revision r
       JOIN dataset d ON d.id = r.dataset_id WHERE d.deleted_at IS NOT NULL OR r.state = 'invalid') AS pack
     WHERE name = ANY($1)`,
    [revisions],
  );
  return rows.map(({ name }) => name);
}
