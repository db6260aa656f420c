import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pool, PoolClient } from 'pg';

/**
 * A small migration runner over `prisma/migrations`. Its table and rows are those of `prisma migrate deploy`, so either
 * tool finds the other's work; Prisma's own runner needs a binary that it downloads.
 */
interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/** Held while migrating, so that processes that start together do it once ("graft" in ASCII). */
const LOCK = 0x67_72_61_66_74;

const TABLE = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id varchar(36) PRIMARY KEY NOT NULL,
  checksum varchar(64) NOT NULL,
  finished_at timestamptz,
  migration_name varchar(255) NOT NULL,
  logs text,
  rolled_back_at timestamptz,
  started_at timestamptz NOT NULL DEFAULT now(),
  applied_steps_count integer NOT NULL DEFAULT 0
)`;

export async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const names = (await readdir(folder, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((e) => e.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(join(folder, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

async function appliedOf(
  client: PoolClient | Pool,
): Promise<ReadonlyMap<string, { checksum: string; finished: boolean }>> {
  const { rows } = await client.query<{ migration_name: string; checksum: string; finished: boolean }>(
    'SELECT migration_name, checksum, finished_at IS NOT NULL AS finished FROM _prisma_migrations WHERE rolled_back_at IS NULL',
  );
  return new Map(rows.map((row) => [row.migration_name, row]));
}

/**
 * Brings the database to this version's schema; each migration is one transaction, so a failed one leaves nothing.
 * @returns the names applied now.
 * @throws Error when an applied migration's text has changed, or one fails: with its name and Postgres's words.
 */
export async function migrate(pool: Pool, folder: string): Promise<readonly string[]> {
  const migrations = await readMigrations(folder);
  const client = await pool.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    await client.query(TABLE);
    const applied = await appliedOf(client);
    const done: string[] = [];
    for (const migration of migrations) {
      const before = applied.get(migration.name);
      if (before === undefined) {
        await apply(client, migration);
        done.push(migration.name);
      } else if (before.checksum !== migration.checksum) {
        throw new Error(
          `Migration ${migration.name} was changed after it was applied. Restore its text; new changes need a new migration.`,
        );
      } else if (!before.finished) {
        throw new Error(
          `Migration ${migration.name} began and did not finish (another tool ran it). Mend the database, then delete its row in _prisma_migrations.`,
        );
      }
    }
    return done;
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [LOCK]).catch(() => {});
    client.release();
  }
}

async function apply(client: PoolClient, migration: Migration): Promise<void> {
  try {
    await client.query('BEGIN');
    await client.query(migration.sql);
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count) VALUES ($1, $2, $3, now(), 1)`,
      [randomUUID(), migration.checksum, migration.name],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw new Error(`Migration ${migration.name} failed and was rolled back: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** @throws Error unless the database is exactly at this version's schema: says which migrations differ and what to run. */
export async function assertSchema(pool: Pool, folder: string): Promise<void> {
  const migrations = await readMigrations(folder);
  const exists = await pool.query<{ found: string | null }>(`SELECT to_regclass('_prisma_migrations')::text AS found`);
  const applied = exists.rows[0]?.found == null ? new Map() : await appliedOf(pool);
  const missing = migrations
    .filter((migration) => !applied.get(migration.name)?.finished)
    .map((migration) => migration.name);
  const unknown = [...applied.keys()].filter((name) => !migrations.some((migration) => migration.name === name));
  if (missing.length > 0) throw new Error(`The database lacks ${missing.join(', ')}. Run \`npm run migrate\`.`);
  if (unknown.length > 0)
    throw new Error(`The database is newer than this version (it has ${unknown.join(', ')}). Start the newer version.`);
}
