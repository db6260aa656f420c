import { type FileHandle, open } from 'node:fs/promises';
import { getHeapStatistics } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { GraftError } from '../../../src/errors.js';
import { readExample } from '../read-example.js';
import type { FromTokens, TokenData, TokenRequest, TokenRows } from './token-messages.js';
import { openTokenizer, type TextTokenizer } from './tokenizer.js';
import type { TokenizerFiles } from './tokenizer-files.js';

/** The thread that makes token ids of texts. What hangs in here is ended from outside: see `openTokenThread`. */
const port = parentPort;
if (port === null) throw new Error('token-thread is started by openTokenThread');
const { files, packPath, reading } = workerData as TokenData;
const at = new Int32Array(reading);
const send = (message: FromTokens, moved: readonly ArrayBuffer[] = []) => port.postMessage(message, moved);

/** Far more characters than texts have for a token. */
const CHARACTERS_A_TOKEN = 40;

/**
 * Ids of a text without reading one of a megabyte to its end, which takes a second: of its beginning up to a space, where that
 * gives enough. Words are tokenized each by itself, so what follows them changes nothing.
 */
function startOf(tokenizer: TextTokenizer, text: string, most: number): readonly number[] {
  const enough = most * CHARACTERS_A_TOKEN;
  const space = text.length > enough ? text.lastIndexOf(' ', enough) : -1;
  const start = space > 0 ? tokenizer.plain(text.slice(0, space)) : [];
  return start.length > most ? start : tokenizer.plain(text);
}

async function rowsOf(tokenizer: TextTokenizer, pack: FileHandle | null, request: TokenRequest): Promise<TokenRows> {
  const count = 'texts' in request ? request.texts.length : request.places.length / 2;
  const { most, whole } = request;
  const starts = new Int32Array(count + 1);
  const lengths = new Int32Array(count);
  const ids: number[] = [];
  let unknown = 0;
  for (let i = 0; i < count; i++) {
    const text = 'texts' in request ? request.texts[i]! : await textAt(pack, request.places, i);
    Atomics.store(at, 0, i);
    const own = whole ? tokenizer.plain(text) : startOf(tokenizer, text, most);
    Atomics.store(at, 0, -1);
    lengths[i] = own.length;
    for (let k = 0; k < own.length && k < most; k++) {
      if (own[k] === tokenizer.unknownId) unknown++;
      ids.push(own[k]!);
    }
    starts[i + 1] = ids.length;
  }
  return { ids: Int32Array.from(ids), starts, lengths, unknown };
}

async function textAt(pack: FileHandle | null, places: Float64Array, i: number): Promise<string> {
  if (pack === null) throw new Error('a token thread without a pack was asked for places in it');
  const bytes = await readExample(pack, { offset: places[2 * i]!, bytes: places[2 * i + 1]! });
  return bytes.toString('utf8');
}

function failed(error: unknown): void {
  const known = error instanceof GraftError ? { code: error.code, detail: error.detail } : null;
  send({ type: 'failed', known, words: String((error as Error).stack ?? error) });
}

try {
  const tokenizer = openTokenizer(JSON.parse(Buffer.from(files).toString()) as TokenizerFiles);
  const pack = packPath === undefined ? null : await open(packPath, 'r');
  port.on('message', (request: TokenRequest) => {
    rowsOf(tokenizer, pack, request).then(
      (rows) =>
        send({ type: 'rows', rows }, [rows.ids.buffer, rows.starts.buffer, rows.lengths.buffer] as ArrayBuffer[]),
      failed,
    );
  });
  const { total_heap_size, external_memory } = getHeapStatistics();
  send({ type: 'ready', specials: tokenizer.specials, bytes: total_heap_size + external_memory });
} catch (error) {
  failed(error);
}
