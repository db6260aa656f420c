import { join } from 'node:path';
import type { Pool } from 'pg';
import type { Config } from '../config.js';
import type { BlobStore } from './blob.js';
import { filesystemBlobStore } from './filesystem.js';
import { sweepFilesystemBlobs } from './filesystem-sweep.js';
import { postgresBlobStore, sweepPostgresBlobs } from './postgres.js';

export interface BlobStores {
  /** Uploads and packs: large, read in ranges. */
  readonly datasets: BlobStore;
  /** Bases, heads, files of models: backed up with the database. */
  readonly artifacts: BlobStore;
}

export async function blobStores(config: Pick<Config, 'home'>, db: { readonly pool: Pool }): Promise<BlobStores> {
  // Housekeeping: a database that is not there yet keeps nothing from starting, and the next start sweeps.
  sweepPostgresBlobs(db.pool).catch(() => 0);
  const root = join(config.home, 'datasets');
  const datasets = await filesystemBlobStore(root);
  sweepFilesystemBlobs(root).catch(() => 0);
  return {
    datasets,
    artifacts: postgresBlobStore(db.pool),
  };
}
