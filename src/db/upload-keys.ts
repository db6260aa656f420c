import type { Pool } from 'pg';

/** Those of `keys` that a revision or base names. */
export async function namedUploads(pool: Pool, keys: readonly string[]): Promise<ReadonlySet<string>> {
  if (keys.length === 0) return new Set();
  const { rows } = await pool.query<{ key: string }>(
    `SELECT upload_key AS key FROM dataset_revision WHERE upload_key = ANY($1)
     UNION SELECT upload_key FROM base WHERE upload_key = ANY($1) AND deleted_at IS NULL`,
    [keys],
  );
  return new Set(rows.map(({ key }) => key));
}
