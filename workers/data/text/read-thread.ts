import { parentPort, workerData } from 'node:worker_threads';
import { GraftError } from '../../../src/errors.js';
import { readTextSet } from './read-set.js';
import type { FromReader, ReaderData } from './reader.js';

/** The thread that reads an upload: gives the next batch whenever it is asked for one. */
const port = parentPort;
if (port === null) throw new Error('read-thread is started by readInThread');
const { path, columns } = workerData as ReaderData;
const reading = readTextSet(path, columns);
port.on('message', () => {
  reading.next().then(
    (next) => {
      if (next.done) {
        port.postMessage({ type: 'done', set: next.value } satisfies FromReader);
        port.close();
        return;
      }
      const { bytes, examples } = next.value;
      const copy = Uint8Array.from(bytes);
      port.postMessage({ type: 'batch', bytes: copy, examples } satisfies FromReader, [copy.buffer]);
    },
    (error: unknown) => {
      const known = error instanceof GraftError ? { code: error.code, detail: error.detail } : null;
      port.postMessage({ type: 'failed', known, words: String((error as Error).stack ?? error) } satisfies FromReader);
      port.close();
    },
  );
});
