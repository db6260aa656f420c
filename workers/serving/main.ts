import { readConfig } from '../../src/config.js';
import { createLogger } from '../../src/log.js';
import { lazyBlobs } from './blobs.js';
import { listen } from './listen.js';
import { createModelStore } from './models.js';
import { createPredictServer } from './server.js';
import { createServing } from './service.js';
import { openTrunk } from './trunk.js';

/** A prediction process: see README.md in this folder. Ends with 0 after SIGTERM, or when it wants to be replaced. */
/** Two pictures of 224x224: more take no less time each, keep who came first waiting for those that came with him, and take memory. */
const MAX_PIXELS = 2 * 224 * 224;
const MAX_ITEMS = 512;
const DEADLINE_MS = 30_000;
/** Less than the supervisor gives before it kills. */
const GRACE_MS = 8_000;
/** Sessions leak a little when they are opened and closed; after this many the process asks to be replaced. */
const SESSIONS_OF_A_LIFE = 2_000;
const TRUNKS_OF_A_LIFE = 100;

const config = readConfig();
const log = createLogger(config, 'predict');
const blobs = lazyBlobs(config, log);
const models = createModelStore({
  blobs: blobs.opened,
  openTrunk,
  openTokenizer: async (options) => (await import('./tokenizer.js')).openTextTokenizer(options),
  cacheBytes: config.servingCacheBytes,
  threads: config.threads,
  maxPixels: MAX_PIXELS,
});
const serving = createServing({
  models,
  // Loaded with the first picture: until then this process holds little memory.
  decode: async (bytes, preprocessing) => (await import('../data/decode.js')).decodeImage(bytes, preprocessing),
  decodersAtOnce: Math.max(2, config.threads),
  maxItems: MAX_ITEMS,
  log,
});
const server = createPredictServer({
  serving,
  maxBodyBytes: config.maxPredictBytes,
  maxBytesInside: 4 * config.maxPredictBytes,
  deadlineMs: DEADLINE_MS,
  log,
});

let ending = false;
async function end(why: string): Promise<void> {
  if (ending) return;
  ending = true;
  log.info({ why }, 'ending');
  await server.drain(GRACE_MS);
  models.close();
  await blobs.close();
  // Threads end by themselves once they have released their sessions.
  setTimeout(() => process.exit(0), GRACE_MS).unref();
}
function failed(error: unknown): void {
  log.fatal({ err: error }, 'the prediction process cannot go on');
  process.exit(1);
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(signal).catch(failed));
try {
  await listen(server.http, config.predictUrl);
  log.info({ url: config.predictUrl }, 'prediction is up');
} catch (error) {
  failed(error);
}

setInterval(() => {
  const { trunkLoads = 0, headLoads = 0 } = models.stats();
  if (trunkLoads >= TRUNKS_OF_A_LIFE || headLoads >= SESSIONS_OF_A_LIFE)
    end(`${trunkLoads} trunks and ${headLoads} heads loaded`).catch(failed);
}, 1_000).unref();
