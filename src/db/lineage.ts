import type { Pool } from 'pg';
import type { LineageLink, Model } from '../domain/types.js';

interface Row {
  start: string;
  id: string;
  name: string | null;
  job_id: string;
  method: Model['method'];
  dataset_id: string;
  dataset_revision: number;
  dataset_name: string;
  dataset_digest: string | null;
  base_id: string;
  base_name: string;
  base_digest: string;
}

/** Links stay when what they name is deleted: how a model came about does not change. */
export async function lineages(
  pool: Pool,
  ids: readonly string[],
): Promise<ReadonlyMap<string, readonly LineageLink[]>> {
  const chains = new Map<string, LineageLink[]>();
  if (ids.length === 0) return chains;
  const { rows } = await pool.query<Row>(
    `WITH RECURSIVE chain (start, depth, id) AS (
       SELECT id, 0, id FROM unnest($1::text[]) AS asked (id)
       UNION ALL SELECT start, depth + 1, b.model_id FROM chain
         JOIN model m ON m.id = chain.id JOIN base b ON b.id = m.base_id WHERE b.model_id IS NOT NULL)
     SELECT start, m.id, m.name, m.job_id, m.method, m.dataset_id, m.dataset_revision, d.name AS dataset_name,
       r.digest AS dataset_digest, m.base_id, b.name AS base_name, m.base_digest
     FROM chain JOIN model m ON m.id = chain.id JOIN base b ON b.id = m.base_id JOIN dataset d ON d.id = m.dataset_id
       LEFT JOIN dataset_revision r ON r.dataset_id = m.dataset_id AND r.number = m.dataset_revision
     ORDER BY start, depth`,
    [[...new Set(ids)]],
  );
  for (const row of rows) {
    const link: LineageLink = {
      model: { id: row.id, name: row.name },
      job: row.job_id,
      method: row.method,
      dataset: {
        id: row.dataset_id,
        revision: row.dataset_revision,
        name: row.dataset_name,
        digest: row.dataset_digest,
      },
      base: { id: row.base_id, name: row.base_name, digest: row.base_digest },
    };
    const chain = chains.get(row.start);
    if (chain === undefined) chains.set(row.start, [link]);
    else chain.push(link);
  }
  return chains;
}
