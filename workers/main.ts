import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { readConfig } from '../src/config.js';
import { createLogger } from '../src/log.js';
import { startWorker } from './worker.js';

/** The worker process: checks and training. Ends with 0 after SIGTERM, with its jobs given back. */
const config = readConfig();
const log = createLogger(config, 'worker');

function failed(error: unknown): never {
  log.fatal({ err: error }, 'The worker cannot go on');
  process.exit(1);
}

if (config.databaseUrl === null)
  failed(new Error('DATABASE_URL is not set; `npm start` sets it for its own Postgres.'));
try {
  const worker = await startWorker(config, {
    databaseUrl: config.databaseUrl,
    workerId: `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`,
    log,
  });
  let ending = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (ending) return;
      ending = true;
      log.info({ signal }, 'Ending');
      worker.close().then(() => process.exit(0), failed);
    });
  }
} catch (error) {
  failed(error);
}
