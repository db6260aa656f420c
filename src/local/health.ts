import { statSync } from 'node:fs';
import { request } from 'node:http';
import { readConfig } from '../config.js';
import { addressOf } from './port.js';
import { ROLES, type Role } from './processes.js';
import { pulseFile } from './pulse.js';

/** `node dist/src/local/health.js <role>`: exits with 0 when this container's process is well, else says why. */
const SILENT_MS = 30_000;
const ANSWER_MS = 4000;

const config = readConfig();
const CHECKS: Readonly<Record<Role, () => Promise<void>>> = {
  api: () => answers(`${addressOf(config.host, config.port)}/readyz`),
  predict: () => {
    if (!config.predictUrl.startsWith('unix:')) {
      const { hostname, port } = new URL(config.predictUrl);
      return answers(`${addressOf(hostname, Number(port || 80))}/healthz`);
    }
    return answers('http://localhost/healthz', config.predictUrl.slice('unix:'.length));
  },
  worker: async () => {
    const silentMs = Date.now() - statSync(pulseFile(config.home)).mtimeMs;
    if (silentMs > SILENT_MS) throw new Error(`The worker has not reached database and queue for ${silentMs} ms`);
  },
};

function answers(url: string, socketPath?: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request(
      url,
      { timeout: ANSWER_MS, agent: false, ...(socketPath ? { socketPath } : {}) },
      (answer) => {
        answer.resume();
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`${url} answers ${answer.statusCode}`));
      },
    );
    asked.on('timeout', () => asked.destroy(new Error(`${url} does not answer`))).on('error', reject);
    asked.end();
  });
}

const role = ROLES.find((known) => known === process.argv[2]);
if (role === undefined) {
  console.error(`Say which process: ${ROLES.join(', ')}`);
  process.exit(2);
}
CHECKS[role]().then(
  () => process.exit(0),
  (error: Error) => {
    console.error(error.message);
    process.exit(1);
  },
);
