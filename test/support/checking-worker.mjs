// A worker that checks one revision and never gets done, as a picture hangs its decoder: to be killed in the middle.
import { join } from 'node:path';
import { connectDatabase, repositories } from '../../dist/src/db/index.js';
import { createLogger } from '../../dist/src/log.js';
import { filesystemBlobStore } from '../../dist/src/storage/filesystem.js';
import { datasetCheck } from '../../dist/workers/processors/dataset-check.js';

const [url, root, datasetId] = process.argv.slice(2);
const deps = {
  repositories: repositories(connectDatabase(url)),
  datasets: await filesystemBlobStore(root),
  config: { threads: 2 },
  log: createLogger({ logLevel: 'silent' }, 'test'),
};
const examiner = { entry: join(import.meta.dirname, 'crashing-examiner.mjs') };
await datasetCheck(deps, { examiner })({ datasetId, revision: 1 }, new AbortController().signal);
