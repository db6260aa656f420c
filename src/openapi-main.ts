import { readFileSync, writeFileSync } from 'node:fs';
import { buildApp } from './app.js';
import type { AppDeps } from './http/deps.js';
import { createLogger } from './log.js';

/** `npm run openapi`: writes openapi.yaml from the routes; with `--check` it says whether that would change it. */
const FILE = 'openapi.yaml';

/** Routes are only described here: whatever they stand on is never asked. */
function unasked(name: string): never {
  return new Proxy(() => {}, { get: (_, part) => unasked(`${name}.${String(part)}`) }) as never;
}
const deps: AppDeps = {
  config: { openLoopback: false, embedded: false, maxUploadBytes: 0, maxPredictBytes: 0, requestsPerSecond: 0 },
  log: createLogger({ logLevel: 'silent' }, 'openapi'),
  projectId: '',
  repositories: unasked('repositories'),
  stores: unasked('stores'),
  enqueue: unasked('enqueue'),
  predictor: unasked('predictor'),
  exportModel: unasked('exportModel'),
  checks: {},
  jobCounts: unasked('jobCounts'),
};

const app = buildApp(deps);
await app.ready();
const text = app.openapiYaml();
await app.close();
if (!process.argv.includes('--check')) {
  writeFileSync(FILE, text);
} else {
  let written = '';
  try {
    written = readFileSync(FILE, 'utf8');
  } catch {
    // Missing is the same as different.
  }
  if (written !== text) {
    console.error(`${FILE} does not describe the routes any more. Run \`npm run openapi\` and commit it.`);
    process.exitCode = 1;
  }
}
