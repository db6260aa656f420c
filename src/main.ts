import { readAdminKey, readConfig } from './config.js';
import { createLogger } from './log.js';
import { startApi } from './server.js';

/** The API process. Ends with 0 after SIGTERM, or when the supervisor that started it is gone. */
const config = readConfig();
const log = createLogger(config, 'api');

function failed(error: unknown): never {
  log.fatal({ err: error }, 'The API cannot go on');
  process.exit(1);
}

try {
  const api = await startApi(config, { adminKey: readAdminKey(), log });
  let ending = false;
  const end = (why: string) => {
    if (ending) return;
    ending = true;
    log.info({ why }, 'Ending');
    api.close().then(() => process.exit(0), failed);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end(signal));
  if (process.connected) process.on('disconnect', () => end('the supervisor is gone'));
} catch (error) {
  failed(error);
}
