import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readConfig, startedByNpm } from '../config.js';
import { runService } from './service.js';
import { createTerminal } from './terminal.js';

/** `npm start`: Postgres, API, worker and prediction on one machine, until a signal ends them in order. */
const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const terminal = createTerminal();
try {
  process.exitCode = await runService(readConfig(), { root, terminal, underNpm: startedByNpm() });
} catch (error) {
  terminal.say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
// Whatever handle is still open must not keep a service that has ended.
process.exit();
