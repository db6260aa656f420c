import { Pool } from 'pg';
import type { Config } from '../../src/config.js';
import type { Logger } from '../../src/log.js';
import type { BlobStore } from '../../src/storage/blob.js';
import { blobStores } from '../../src/storage/index.js';

/** Blobs over a pool of two connections, opened when first read; without Prisma, which this process has no use for. */
export function lazyBlobs(config: Config, log: Logger) {
  if (config.databaseUrl === null)
    throw new Error('DATABASE_URL: the prediction process needs the database of the API.');
  const pool = new Pool({
    connectionString: config.databaseUrl,
    max: 2,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 10_000,
    application_name: 'graft-predict',
  });
  pool.on('error', (error) => log.warn({ err: error }, 'a database connection was lost'));
  let stores: Promise<BlobStore> | null = null;
  const opened = async (): Promise<BlobStore> => {
    stores ??= blobStores(config, { pool }).then(({ artifacts }) => artifacts);
    return stores.catch((error: unknown) => {
      stores = null;
      throw error;
    });
  };
  return { opened, close: () => pool.end() };
}
