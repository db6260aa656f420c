import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { ensureFirstKey } from './first-key.js';
import { DEFAULT_PROJECT_ID, migrationsFolder } from './installation.js';
import { migrate } from './migrate.js';

export interface Prepared {
  readonly applied: readonly string[];
  /** A key made now, to be shown once. */
  readonly firstKey: string | null;
}

const PATIENCE_MS = 10_000;
/** Not there yet, or still starting: worth waiting for. Anything else (no such database, wrong password) is not. */
const TRANSIENT = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', '57P03']);

/**
 * Migrates the database and makes the first key where requests need one. Waits for a Postgres that is still starting.
 * Light: without Prisma, since the supervisor, which lives as long as the service, calls it.
 */
export async function prepareDatabase(
  url: string,
  options: { adminKey: string | null; needsKey: boolean; patienceMs?: number },
): Promise<Prepared> {
  const pool = new pg.Pool({ connectionString: url, max: 1, connectionTimeoutMillis: 5000 });
  pool.on('error', () => undefined);
  try {
    await answers(pool, options.patienceMs ?? PATIENCE_MS);
    const applied = await migrate(pool, migrationsFolder());
    const wanted = options.needsKey || options.adminKey !== null;
    const firstKey = wanted ? await ensureFirstKey(pool, DEFAULT_PROJECT_ID, options.adminKey) : null;
    return { applied, firstKey };
  } finally {
    await pool.end();
  }
}

async function answers(pool: pg.Pool, patienceMs: number): Promise<void> {
  const end = performance.now() + patienceMs;
  for (;;) {
    try {
      await pool.query('SELECT 1');
      return;
    } catch (error) {
      const { code, message } = error as { code?: string; message?: string };
      const late = performance.now() > end;
      if (late || !TRANSIENT.has(code ?? ''))
        throw new Error(`The Postgres of DATABASE_URL cannot be used: ${message || code}`, { cause: error });
      await sleep(250);
    }
  }
}
