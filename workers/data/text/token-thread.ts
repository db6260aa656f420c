import { type FileHandle, open, readFile } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { GraftError } from '../../../src/errors.js';
import { readExample } from '../read-example.js';
import { openTokenizer, type TextTokenizer } from './tokenizer.js';
import type { TokenizerFiles } from './tokenizer-files.js';
import type { FromTokens, TokenData, TokenRequest, TokenRows } from './tokens.js';

/** The thread that makes token ids of the texts of a pack. */
const port = parentPort;
if (port === null) throw new Error('token-thread is started by tokenReader');
const { tokenizerPath, packPath, most } = workerData as TokenData;

const opened = (async () => {
  const files = JSON.parse(await readFile(tokenizerPath, 'utf8')) as TokenizerFiles;
  return { tokenizer: openTokenizer(files), pack: await open(packPath, 'r') };
})();
// Told of at the first request.
opened.catch(() => {});

async function rowsOf(tokenizer: TextTokenizer, pack: FileHandle, places: TokenRequest): Promise<TokenRows> {
  const count = places.length / 2;
  const starts = new Int32Array(count + 1);
  const lengths = new Int32Array(count);
  const ids: number[] = [];
  let [cut, unknown] = [0, 0];
  for (let i = 0; i < count; i++) {
    const [offset, size] = [places[2 * i]!, places[2 * i + 1]!];
    const bytes = await readExample(pack, { offset, bytes: size });
    const row = tokenizer.encode(bytes.toString('utf8'), most);
    for (const id of row.ids) {
      if (id === tokenizer.unknownId) unknown++;
      ids.push(id);
    }
    starts[i + 1] = ids.length;
    lengths[i] = row.length;
    if (row.cut) cut++;
  }
  return { ids: Int32Array.from(ids), starts, lengths, cut, unknown };
}

port.on('message', (places: TokenRequest) => {
  opened
    .then(({ tokenizer, pack }) => rowsOf(tokenizer, pack, places))
    .then(
      (rows) => {
        const moved = [rows.ids.buffer, rows.starts.buffer, rows.lengths.buffer] as ArrayBuffer[];
        port.postMessage({ rows } satisfies FromTokens, moved);
      },
      (error: unknown) => {
        const known = error instanceof GraftError ? { code: error.code, detail: error.detail } : null;
        port.postMessage({ known, words: String((error as Error).stack ?? error) } satisfies FromTokens);
      },
    );
});
