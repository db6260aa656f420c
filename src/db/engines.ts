import type { EngineRepository } from '../domain/ports.js';
import type { Engine } from '../domain/types.js';
import { keepable } from '../words.js';
import type { Database } from './client.js';

interface EngineRow {
  worker_id: string;
  executor: Engine['executor'];
  usable: boolean;
  version: string | null;
  device: string | null;
  reason: string | null;
  checked_at: Date;
}
/** Rows of workers that nobody heard of for so long are swept. */
const GONE_MS = 24 * 3600 * 1000;

export function engineRepository({ pool }: Database): EngineRepository {
  return {
    async report(workerId, reports) {
      await pool.query(
        `WITH gone AS (DELETE FROM worker_engine WHERE seen_at < now() - make_interval(secs => $8 / 1000.0))
         INSERT INTO worker_engine (worker_id, executor, usable, version, device, reason, checked_at)
         SELECT $1, r.* FROM unnest($2::text[], $3::bool[], $4::text[], $5::text[], $6::text[], $7::timestamptz[]) AS r
         ON CONFLICT (worker_id, executor) DO UPDATE SET usable = excluded.usable, version = excluded.version,
           device = excluded.device, reason = excluded.reason, checked_at = excluded.checked_at, seen_at = now()`,
        [
          workerId,
          reports.map((r) => r.executor),
          reports.map((r) => r.usable),
          reports.map((r) => r.version),
          reports.map((r) => r.device),
          reports.map((r) => (r.reason === null ? null : keepable(r.reason))),
          reports.map((r) => r.checkedAt),
          GONE_MS,
        ],
      );
    },
    async leave(workerId) {
      await pool.query('DELETE FROM worker_engine WHERE worker_id = $1', [workerId]);
    },
    async list(silentMs) {
      const { rows } = await pool.query<EngineRow>(
        `SELECT * FROM worker_engine WHERE seen_at > now() - make_interval(secs => $1 / 1000.0) ORDER BY worker_id, executor`,
        [silentMs],
      );
      return rows.map(({ worker_id: worker, checked_at: checkedAt, executor, usable, version, device, reason }) => ({
        ...{ worker, executor, usable, version, device, reason, checkedAt },
      }));
    },
  };
}
