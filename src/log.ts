import { type Logger, pino } from 'pino';
import type { Config } from './config.js';

export type { Logger };

/** Keys whose values never reach a log, wherever they stand in the first two levels. */
const SECRETS = ['authorization', 'cookie', 'password', 'key', 'token', 'databaseUrl', 'queueUrl'];

/** JSON lines on stdout, one process part (`api`, `worker`, `predict`) named on each. */
export function createLogger(config: Pick<Config, 'logLevel'>, part: string): Logger {
  // Not pino's own writer: while the process exits it repeats for ever what fails for good, as once whoever read is gone.
  // A log that nobody reads must not end the process either.
  if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', () => undefined);
  return pino(
    {
      level: config.logLevel,
      base: { part, pid: process.pid },
      redact: { paths: SECRETS.flatMap((key) => [key, `*.${key}`]), censor: '[redacted]' },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    process.stdout,
  );
}
