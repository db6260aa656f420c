import type { Pool } from 'pg';
import type { JobState } from '../domain/lifecycle.js';

/** How many jobs of all projects are in each state. */
export async function jobCounts(pool: Pool): Promise<Readonly<Partial<Record<JobState, number>>>> {
  const { rows } = await pool.query<{ state: JobState; count: number }>(
    'SELECT state, count(*)::int AS count FROM job GROUP BY state',
  );
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
}
