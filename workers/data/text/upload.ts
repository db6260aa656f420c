import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { GraftError } from '../../../src/errors.js';
import { counted } from '../../../src/words.js';
import { type ArchiveEntry, type ArchiveKind, listArchive, readArchive } from '../archive.js';

/** A file of texts inside an upload, or the upload itself (`path` null). */
export interface TextFile {
  readonly path: string | null;
  readonly open: () => AsyncIterable<Uint8Array>;
}
export interface TextUpload {
  /** What it came as, for the report. */
  readonly kind: ArchiveKind | 'file' | 'gz';
  /** Tables of examples. */
  readonly tables: readonly TextFile[];
  /** Whole texts, a file each, in a folder that names their label; read in one go. */
  readonly texts: { readonly paths: readonly string[]; read(): AsyncIterable<{ path: string; bytes: Buffer }> };
  readonly notes: readonly string[];
}

/** A packed table may be this many times as large as its upload: text packs well, and it is read as a stream. */
const MOST_RATIO = 1000;
const LITTER = /(^|\/)(__MACOSX\/|\.DS_Store$|Thumbs\.db$|desktop\.ini$|\._|\.|README|LICEN[CS]E)/i;
const TABLE = /\.(csv|tsv|tab|jsonl|ndjson)(\.gz)?$/i;
const TEXT = /\.txt(\.gz)?$/i;

/** What an upload holds, by its content and not by its name. Throws `archive-invalid`, `dataset-invalid`. */
export async function openUpload(path: string): Promise<TextUpload> {
  const head = await headOf(createReadStream(path, { end: 511 }), 512);
  if (head.length === 0) throw new GraftError('dataset-invalid', 'The file is empty.');
  const gz = isGz(head);
  const inner = gz ? await headOf(unpacked(createReadStream(path)), 512) : head;
  const archive = isZip(head) || (inner.length === 512 && inner.toString('latin1', 257, 262) === 'ustar');
  if (!archive) {
    const file: TextFile = { path: null, open: () => (gz ? bounded(path) : createReadStream(path)) };
    return { kind: gz ? 'gz' : 'file', tables: [file], texts: { paths: [], read: () => nothing() }, notes: [] };
  }
  const { kind, entries } = await listArchive(path);
  return fromArchive(path, kind, entries);
}

function fromArchive(path: string, kind: ArchiveKind, entries: readonly ArchiveEntry[]): TextUpload {
  const real = entries.filter((entry) => !LITTER.test(entry.path));
  const tables = real.filter((entry) => TABLE.test(entry.path));
  const texts = real.filter((entry) => TEXT.test(entry.path)).map((entry) => entry.path);
  const others = real.length - tables.length - texts.length;
  if (tables.length === 0 && texts.length === 0)
    throw new GraftError(
      'dataset-invalid',
      `The archive has ${counted(entries.length, 'file')}, but no texts. Expected is a CSV, TSV or JSONL table with a text and a label in every row, or a folder of .txt files per label (positive/1.txt, negative/2.txt), optionally inside train/, val/ and test/.`,
    );
  const notes: string[] = [];
  if (others > 0)
    notes.push(
      `Passed over: ${counted(others, 'file that is neither table nor .txt', 'files that are neither tables nor .txt')}.`,
    );
  const both = tables.length > 0 && texts.length > 0;
  if (both) notes.push(`The archive holds tables and .txt files. Passed over: ${counted(texts.length, '.txt file')}.`);
  const used = both ? [] : texts;
  return {
    kind,
    tables: tables.map((entry) => ({ path: entry.path, open: () => entryBytes(path, kind, entry.path) })),
    texts: { paths: used, read: () => textFiles(path, kind, used) },
    notes,
  };
}

async function* textFiles(path: string, kind: ArchiveKind, wanted: readonly string[]) {
  for await (const file of readArchive(path, kind, new Set(wanted)))
    yield isGz(file.bytes) ? { path: file.path, bytes: await whole(unpacked(only(file.bytes)), file.path) } : file;
}

/** An entry is read whole by the archive's reader (within its limits), and unpacked as a stream where it is packed again. */
async function* entryBytes(path: string, kind: ArchiveKind, name: string): AsyncGenerator<Uint8Array> {
  for await (const file of readArchive(path, kind, new Set([name])))
    if (isGz(file.bytes)) yield* unpacked(only(file.bytes));
    else yield file.bytes;
}

async function* bounded(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path);
  const { size } = await file.stat().finally(() => file.close());
  let bytes = 0;
  for await (const chunk of unpacked(createReadStream(path))) {
    bytes += chunk.length;
    if (bytes > 64 * 1024 * 1024 && bytes > size * MOST_RATIO)
      throw new GraftError(
        'archive-invalid',
        `The file unpacks to more than ${MOST_RATIO} times its ${size} bytes: that is a decompression bomb, not a table.`,
      );
    yield chunk;
  }
}

async function* unpacked(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  const feed = (async () => {
    for await (const chunk of source) if (!gunzip.write(chunk)) await new Promise((done) => gunzip.once('drain', done));
    gunzip.end();
  })();
  // A failure of the source ends the reader below too.
  feed.catch((error: Error) => gunzip.destroy(error));
  try {
    for await (const chunk of gunzip) yield chunk as Buffer;
  } catch (cause) {
    throw new GraftError(
      'archive-invalid',
      `The gzip data is damaged or cut off: ${(cause as Error).message}. Upload the file again.`,
    );
  }
}

async function whole(chunks: AsyncIterable<Buffer>, path: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > 64 * 1024 * 1024)
      throw new GraftError('archive-invalid', `'${path}' unpacks to more than 64 MiB, which is no single text.`);
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

async function headOf(chunks: AsyncIterable<Uint8Array>, bytes: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let have = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    have += chunk.length;
    if (have >= bytes) break;
  }
  return Buffer.concat(parts).subarray(0, bytes);
}

const isGz = (head: Uint8Array): boolean => head[0] === 0x1f && head[1] === 0x8b;
const isZip = (head: Buffer): boolean => head[0] === 0x50 && head[1] === 0x4b && (head[2] ?? 9) <= 6;
async function* only(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
async function* nothing(): AsyncGenerator<never> {}
