import type { Pool } from 'pg';
import type { NewJob } from '../domain/ports.js';
import { GraftError } from '../errors.js';

/** Why a job could not be made: what it was to stand on was deleted a moment ago. */
export async function groundLost(pool: Pool, { projectId, dataset, base }: NewJob): Promise<GraftError> {
  const { rows } = await pool.query<{ path: string }>(
    `SELECT '/dataset' AS path FROM dataset WHERE id = $2 AND project_id = $1 AND deleted_at IS NULL
     UNION ALL SELECT '/base' FROM base WHERE id = $3 AND project_id = $1 AND deleted_at IS NULL`,
    [projectId, dataset.id, base.id],
  );
  const errors = [
    { path: '/dataset', code: 'value-impossible', detail: `The dataset '${dataset.id}' was deleted.` },
    { path: '/base', code: 'value-impossible', detail: `The base '${base.id}' was deleted.` },
  ].filter(({ path }) => !rows.some((row) => row.path === path));
  return new GraftError('job-impossible', errors.map(({ detail }) => detail).join(' '), { errors });
}
