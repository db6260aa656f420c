import type { Pool } from 'pg';
import { freshKey, keyOfSecret } from '../api-keys.js';
import { SCOPES } from '../domain/ports.js';
import { newId } from '../ids.js';

/** Two processes that migrate at once make one key ("gkey" in ASCII). */
const LOCK = 0x67_6b_65_79;

/**
 * Sees to it that somebody can get in: `given` is made a key of all scopes (once; a revoked one stays revoked), and
 * without it a new key where there is none at all.
 * @returns the new key's secret, to be shown now and never again; null where none was made.
 */
export async function ensureFirstKey(pool: Pool, projectId: string, given: string | null): Promise<string | null> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    const made = given === null ? await firstOf(client) : keyOfSecret(given);
    if (made !== null) {
      await client.query(
        `INSERT INTO api_key (id, project_id, name, digest, prefix, scopes) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (digest) DO NOTHING`,
        [newId('key'), projectId, given === null ? 'first key' : 'GRAFT_ADMIN_KEY', made.digest, made.prefix, SCOPES],
      );
    }
    await client.query('COMMIT');
    return given === null && made !== null ? made.secret : null;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

async function firstOf(client: { query(text: string): Promise<{ rows: unknown[] }> }) {
  const { rows } = await client.query('SELECT 1 FROM api_key LIMIT 1');
  return rows.length === 0 ? freshKey() : null;
}
