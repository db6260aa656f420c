import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/local/embedded-postgres.js';

/** A Postgres that nobody else uses, so that its test may do to it what it likes. */
export interface OwnPostgres {
  readonly url: string;
  pid(): number;
  /** Ends it in order and resolves when it is gone. */
  end(): Promise<void>;
  /** Starts it again on its data and its port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startOwnPostgres(): Promise<OwnPostgres> {
  const dir = await mkdtemp(join(tmpdir(), 'graft-own-postgres-'));
  const start = () => startEmbeddedPostgres({ dir });
  let running = await start();
  const { url } = running;
  return {
    url,
    pid: () => running.pid,
    end: () => running.stop(),
    restart: async () => {
      running = await start();
      if (running.url !== url) throw new Error('Another program took the port of this Postgres meanwhile.');
    },
    stop: async () => {
      await running.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
