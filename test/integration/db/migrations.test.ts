import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { assertSchema, DEFAULT_PROJECT_ID, migrate, migrationsFolder } from '../../../src/db/index.js';
import { isId } from '../../../src/ids.js';
import { emptyDatabase } from '../../support/postgres.js';

async function setup(): Promise<{ pool: pg.Pool; folder: string; add(name: string, sql: string): Promise<void> }> {
  const { url, drop } = await emptyDatabase();
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  const folder = await mkdtemp(join(tmpdir(), 'graft-migrations-'));
  await cp(migrationsFolder(), folder, { recursive: true });
  onTestFinished(async () => {
    await pool.end();
    await drop();
    await rm(folder, { recursive: true, force: true });
  });
  const add = async (name: string, sql: string) => {
    await mkdir(join(folder, name), { recursive: true });
    await writeFile(join(folder, name, 'migration.sql'), sql);
  };
  return { pool, folder, add };
}
const INIT = '20261124000000_init';

test('applies once, again does nothing, and leaves rows that `prisma migrate deploy` takes for its own', async () => {
  const { pool, folder } = await setup();
  await expect(assertSchema(pool, folder)).rejects.toThrow(/lacks 20261124000000_init\b.*Run `npm run migrate`/);
  expect(await migrate(pool, folder)).toContain(INIT);
  expect(await migrate(pool, folder)).toEqual([]);
  await assertSchema(pool, folder);
  const { rows } = await pool.query('SELECT * FROM _prisma_migrations WHERE migration_name = $1', [INIT]);
  expect(rows[0]).toMatchObject({
    checksum: expect.stringMatching(/^[0-9a-f]{64}$/),
    finished_at: expect.any(Date),
    rolled_back_at: null,
    applied_steps_count: 1,
  });
  expect(isId('prj', DEFAULT_PROJECT_ID)).toBe(true);
  expect((await pool.query('SELECT id FROM project')).rows).toEqual([{ id: DEFAULT_PROJECT_ID }]);
});

test('started by many at once, one applies it and all succeed', async () => {
  const { pool, folder } = await setup();
  const done = await Promise.all(Array.from({ length: 8 }, () => migrate(pool, folder)));
  expect(done.filter((names) => names.includes(INIT))).toHaveLength(1);
  expect((await pool.query('SELECT 1 FROM _prisma_migrations WHERE migration_name = $1', [INIT])).rowCount).toBe(1);
});

test('a migration whose text changed after it was applied is refused by name', async () => {
  const { pool, folder, add } = await setup();
  await migrate(pool, folder);
  await add(INIT, `${await readFile(join(folder, INIT, 'migration.sql'), 'utf8')}\n-- changed`);
  await expect(migrate(pool, folder)).rejects.toThrow(`${INIT} was changed after it was applied`);
});

test('one that fails leaves nothing of itself, keeps those before it, and can be mended', async () => {
  const { pool, folder, add } = await setup();
  await add('20990101000000_good', 'CREATE TABLE good (id int);');
  await add('20990102000000_bad', 'CREATE TABLE half (id int); SELECT 1/0;');
  await expect(migrate(pool, folder)).rejects.toThrow(/20990102000000_bad failed .* division by zero/);
  const tables = async () =>
    (await pool.query(`SELECT to_regclass('good')::text AS good, to_regclass('half')::text AS half`)).rows[0];
  expect(await tables()).toEqual({ good: 'good', half: null });
  await expect(assertSchema(pool, folder)).rejects.toThrow('20990102000000_bad');
  await add('20990102000000_bad', 'CREATE TABLE half (id int);');
  expect(await migrate(pool, folder)).toEqual(['20990102000000_bad']);
  expect(await tables()).toEqual({ good: 'good', half: 'half' });
});

test('a database that is ahead of this version, or half-migrated by another tool, is refused in words', async () => {
  const { pool, folder } = await setup();
  await migrate(pool, folder);
  await pool.query(`INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at)
    VALUES ('later', 'x', '20990101000000_later', now())`);
  await expect(assertSchema(pool, folder)).rejects.toThrow(/newer than this version .*20990101000000_later/);
  await pool.query(`UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = $1`, [INIT]);
  await expect(migrate(pool, folder)).rejects.toThrow(`${INIT} began and did not finish`);
});
