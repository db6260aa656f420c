import type { Pool } from 'pg';

/** Runs `work` while no other process that stands on this database runs work of the same number; waits for its turn. */
export async function exclusively<T>(pool: Pool, lock: number, work: () => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('SELECT pg_advisory_lock($1)', [lock]);
    const result = await work();
    await client.query('SELECT pg_advisory_unlock($1)', [lock]);
    return result;
  } catch (error) {
    // The lock belongs to the connection: closing that lets go of it, whatever happened.
    broken = error as Error;
    throw error;
  } finally {
    client.release(broken);
  }
}
