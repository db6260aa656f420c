import type { IdempotencyRepository, StoredAnswer } from '../domain/ports.js';
import type { Database } from './client.js';

/** Answers are kept for a day; a request that never finished (its process died) frees its key after ten minutes. */
const EXPIRED = `created_at < now() - interval '24 hours' OR (answer IS NULL AND created_at < now() - interval '10 minutes')`;

export function idempotencyRepository({ pool }: Database): IdempotencyRepository {
  return {
    async begin(projectId, key, fingerprint) {
      await pool.query(`DELETE FROM idempotency_key WHERE project_id = $1 AND key = $2 AND (${EXPIRED})`, [
        projectId,
        key,
      ]);
      const { rowCount } = await pool.query(
        'INSERT INTO idempotency_key (project_id, key, fingerprint) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
        [projectId, key, fingerprint],
      );
      if (rowCount === 1) return { kind: 'fresh' };
      const { rows } = await pool.query<{ fingerprint: string; answer: StoredAnswer | null }>(
        'SELECT fingerprint, answer FROM idempotency_key WHERE project_id = $1 AND key = $2',
        [projectId, key],
      );
      const row = rows[0];
      if (row === undefined) return { kind: 'busy' };
      if (row.fingerprint !== fingerprint) return { kind: 'conflict' };
      return row.answer === null ? { kind: 'busy' } : { kind: 'replay', answer: row.answer };
    },
    async finish(projectId, key, answer) {
      await pool.query('UPDATE idempotency_key SET answer = $3 WHERE project_id = $1 AND key = $2', [
        projectId,
        key,
        JSON.stringify(answer),
      ]);
    },
    async release(projectId, key) {
      await pool.query('DELETE FROM idempotency_key WHERE project_id = $1 AND key = $2 AND answer IS NULL', [
        projectId,
        key,
      ]);
    },
  };
}
