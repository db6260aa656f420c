import { PrismaPg } from '@prisma/adapter-pg';
import { Pool } from 'pg';
import { PrismaClient } from './generated/client.js';

export { DEFAULT_PROJECT_ID, migrationsFolder } from './installation.js';

export interface Database {
  readonly pool: Pool;
  readonly prisma: PrismaClient;
  close(): Promise<void>;
}

/** Postgres's own word is waited for so long: only a connection on which nothing comes any more is given up here. */
const GRACE_MS = 1_000;

/**
 * One pool of connections, shared by Prisma and by the few statements written by hand. A connection that dies (Postgres
 * restarted) is dropped from the pool and the next query opens another; nothing here ends the process.
 */
export function connectDatabase(
  url: string,
  options: {
    max?: number;
    name?: string;
    onError?: (error: Error) => void;
    /** A statement that takes longer is given up, by Postgres, or where that does not answer, here; none: never. */
    statementMs?: number;
  } = {},
): Database {
  const pool = new Pool({
    connectionString: url,
    max: options.max ?? 10,
    connectionTimeoutMillis: 5_000,
    // Each connection is a process of Postgres with 15 MB or more: those that a burst opened end soon after it, one stays.
    min: 1,
    idleTimeoutMillis: 5_000,
    ...(options.statementMs === undefined
      ? {}
      : { statement_timeout: options.statementMs, query_timeout: options.statementMs + GRACE_MS }),
    keepAlive: true,
    application_name: options.name ?? 'graft',
  });
  pool.on('error', (error) => options.onError?.(error));
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool), errorFormat: 'minimal' });
  return {
    pool,
    prisma,
    async close() {
      await prisma.$disconnect();
      if (!pool.ended) await pool.end();
    },
  };
}
