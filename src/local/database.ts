import { join } from 'node:path';
import { type Config, readAdminKey } from '../config.js';
import { type Prepared, prepareDatabase } from '../db/prepare.js';
import type { EmbeddedPostgres } from './embedded-postgres.js';
import type { Terminal } from './terminal.js';

export interface LocalDatabase {
  /** What the processes need to know of it. */
  readonly environment: Readonly<Record<string, string>>;
  /** A key made at this start, to be shown once. */
  readonly firstKey: string | null;
  /** Of the embedded Postgres. */
  pid(): number | null;
  /** Settles, saying why, when the embedded Postgres is gone and cannot be brought back. */
  readonly lost: Promise<string>;
  stop(): Promise<void>;
  kill(): void;
}

/** The database of the configuration, migrated: the embedded one unless DATABASE_URL names another. */
export async function openDatabase(
  config: Config,
  options: { log: (line: string) => void; terminal: Terminal },
): Promise<LocalDatabase> {
  if (config.databaseUrl !== null) {
    const { firstKey } = await prepare(config.databaseUrl, config);
    return {
      environment: { DATABASE_URL: config.databaseUrl },
      firstKey,
      pid: () => null,
      lost: new Promise(() => undefined),
      stop: async () => undefined,
      kill: () => undefined,
    };
  }
  const { startEmbeddedPostgres } = await import('./embedded-postgres.js');
  const start = () => startEmbeddedPostgres({ dir: join(config.home, 'postgres'), log: options.log });
  let running: EmbeddedPostgres = await start();
  const { url } = running;
  let stopping = false;
  let firstKey: string | null;
  try {
    ({ firstKey } = await prepare(url, config));
  } catch (error) {
    await running.stop();
    throw error;
  }
  const keep = async (): Promise<string> => {
    for (;;) {
      await running.exited;
      if (stopping) return new Promise(() => undefined);
      options.terminal.warn('postgres', 'ended; starting it again (its data are safe)', true);
      await running.stop();
      if (stopping) return new Promise(() => undefined);
      try {
        running = await start();
      } catch (error) {
        return `Postgres ended and cannot be started again: ${(error as Error).message}`;
      }
      if (running.url !== url) return 'Postgres ended, and another program took its port meanwhile. Start again.';
    }
  };
  return {
    environment: { DATABASE_URL: url, GRAFT_EMBEDDED: 'true' },
    firstKey,
    pid: () => running.pid,
    lost: keep(),
    stop: async () => {
      stopping = true;
      await running.stop();
    },
    kill: () => {
      stopping = true;
      // Ended like in a power cut: the next start recovers.
      if (running.pid > 0) process.kill(running.pid, 'SIGQUIT');
    },
  };
}

function prepare(url: string, config: Config): Promise<Prepared> {
  return prepareDatabase(url, { adminKey: readAdminKey(), needsKey: !config.openLoopback });
}
