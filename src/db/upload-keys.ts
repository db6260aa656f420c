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

/**
 * Those of the digests that only deleted bases have, with no model that is not deleted and no job that has not ended on them.
 * None while a base is being checked, which may turn out to be the same file and then stands on what lies there already. A
 * digest that this database does not know is not among them.
 */
export async function unneededBases(pool: Pool, digests: readonly string[]): Promise<readonly string[]> {
  if (digests.length === 0) return [];
  const { rows } = await pool.query<{ digest: string }>(
    `SELECT digest FROM unnest($1::text[]) AS stored (digest)
     WHERE EXISTS (SELECT 1 FROM base b WHERE b.digest = stored.digest)
       AND NOT EXISTS (SELECT 1 FROM base b WHERE b.digest = stored.digest AND b.deleted_at IS NULL)
       AND NOT EXISTS (SELECT 1 FROM base b WHERE b.state = 'checking' AND b.deleted_at IS NULL)
       AND NOT EXISTS (SELECT 1 FROM model m WHERE m.base_digest = stored.digest AND m.deleted_at IS NULL)
       AND NOT EXISTS (SELECT 1 FROM job j WHERE j.base_digest = stored.digest AND j.finished_at IS NULL)`,
    [digests],
  );
  return rows.map(({ digest }) => digest);
}
