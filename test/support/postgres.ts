import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';
import { connectDatabase, type Database, migrate, migrationsFolder } from '../../src/db/index.js';
import { askBroker } from './broker.js';

let server: Promise<string> | null = null;

/** Address of a Postgres whose user may make databases: `TEST_DATABASE_URL`, else this run's own. */
export function testServer(): Promise<string> {
  server ??= process.env.TEST_DATABASE_URL ? Promise.resolve(process.env.TEST_DATABASE_URL) : ask();
  return server;
}

async function ask(): Promise<string> {
  const { url } = await askBroker<{ url: string }>(inject('postgresBroker'));
  return url;
}

async function admin(text: string): Promise<void> {
  const client = new pg.Client({ connectionString: await testServer() });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

/** An empty database of its own; `drop` is for `afterAll`, or for the end of a test. */
export async function emptyDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `t_${randomBytes(8).toString('hex')}`;
  await admin(`CREATE DATABASE ${name}`);
  const url = new URL(await testServer());
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => admin(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

export interface TestDatabase extends Database {
  readonly url: string;
}

/** A fresh, migrated database; `close` drops it. Within a test it goes by itself at the end: `testDatabase({ own: true })`. */
export async function testDatabase(options: { own?: boolean; max?: number } = {}): Promise<TestDatabase> {
  const { url, drop } = await emptyDatabase();
  const db = connectDatabase(url, { max: options.max ?? 10, name: 'graft-test' });
  let closing: Promise<void> | null = null;
  const end = async () => {
    await db.close();
    await drop();
  };
  const close = () => {
    closing ??= end();
    return closing;
  };
  await migrate(db.pool, migrationsFolder());
  if (options.own === true) onTestFinished(close);
  return { url, pool: db.pool, prisma: db.prisma, close };
}
