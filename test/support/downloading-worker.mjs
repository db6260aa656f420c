// A worker that fetches one base from a hub that stops in the middle: to be killed there.
import { connectDatabase, repositories } from '../../dist/src/db/index.js';
import { createLogger } from '../../dist/src/log.js';
import { postgresBlobStore } from '../../dist/src/storage/postgres.js';
import { baseDownload } from '../../dist/workers/processors/base-download.js';

const [url, home, hubUrl, baseId] = process.argv.slice(2);
const db = connectDatabase(url);
const deps = {
  repositories: repositories(db),
  artifacts: postgresBlobStore(db.pool),
  enqueue: async () => {},
  config: { home, maxUploadBytes: 2 ** 30, hub: { url: hubUrl, token: null, proxy: null } },
  log: createLogger({ logLevel: 'silent' }, 'test'),
};
await baseDownload(deps)({ baseId }, new AbortController().signal);
