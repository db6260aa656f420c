import { Readable } from 'node:stream';
import { parse } from 'csv-parse';
import { GraftError } from '../../../src/errors.js';
import type { TextReader } from './encoding.js';
import type { Dialect } from './sniff.js';

/** One row: its number in the file from 1 (header and all), and its fields, or why it has none. */
export interface Row {
  readonly number: number;
  readonly fields: readonly string[];
  readonly problem?: { readonly code: string; readonly detail: string };
}

/** A line longer than this is no row of a table of texts but another kind of file. */
const LONGEST_LINE = 64 * 1024 * 1024;

/** The rows of a table in UTF-8 bytes (see `asUtf8`), as they come; at most one chunk of them is in memory. */
export function rowsOf(
  bytes: AsyncIterable<Buffer>,
  dialect: Dialect,
  reader: TextReader,
  keys: readonly string[],
): AsyncGenerator<Row> {
  return dialect.kind === 'jsonl' ? jsonRows(bytes, reader, keys) : separatedRows(bytes, dialect, reader);
}

async function* separatedRows(bytes: AsyncIterable<Buffer>, dialect: Dialect, reader: TextReader): AsyncGenerator<Row> {
  const parser = parse({
    delimiter: dialect.delimiter,
    quote: dialect.quoted ? '"' : null,
    // Fields come as bytes: each is decoded on its own.
    encoding: null,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: LONGEST_LINE,
  });
  const source = Readable.from(bytes, { objectMode: false });
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  let number = 0;
  try {
    for await (const fields of parser as AsyncIterable<Buffer[]>) {
      number++;
      yield { number, fields: fields.map((field) => reader.read(field)) };
    }
  } catch (error) {
    throw separatedError(error, number);
  }
}

/** What stops the parser is told in words; a failure of the source or of the reader is passed on. */
function separatedError(error: unknown, number: number): unknown {
  const { code } = error as { code?: unknown };
  if (code === 'CSV_QUOTE_NOT_CLOSED')
    return new GraftError(
      'dataset-invalid',
      `The quote that opens a field in row ${number + 1} is never closed. A quote inside a text in quotes must be doubled ("").`,
    );
  if (code === 'CSV_MAX_RECORD_SIZE')
    return new GraftError(
      'dataset-invalid',
      `Row ${number + 1} is longer than ${LONGEST_LINE} bytes; a quote may be open that is never closed.`,
    );
  return error;
}

/** A JSON object a line; `keys` are the columns' names, and the fields come in their order. */
async function* jsonRows(
  bytes: AsyncIterable<Buffer>,
  reader: TextReader,
  keys: readonly string[],
): AsyncGenerator<Row> {
  let number = 0;
  for await (const line of lines(bytes)) {
    number++;
    const text = reader
      .read(line)
      .replace(/^\uFEFF/, '')
      .trim();
    if (text === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      yield {
        number,
        fields: [],
        problem: { code: 'row-malformed', detail: `Line ${number} is not JSON: ${(error as Error).message}` },
      };
      continue;
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      yield { number, fields: [], problem: { code: 'row-malformed', detail: `Line ${number} is no JSON object.` } };
      continue;
    }
    const object = value as Record<string, unknown>;
    yield { number, fields: keys.map((key) => wordOf(object[key])) };
  }
}

/** What a JSON value is as a text or a label; nothing for null and for what has parts. */
const wordOf = (value: unknown): string =>
  typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';

async function* lines(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  let kept = 0;
  for await (const chunk of bytes) {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      const end = chunk.subarray(from, at);
      yield kept === 0 ? end : Buffer.concat([...rest, end]);
      [rest, kept, from] = [[], 0, at + 1];
    }
    if (from < chunk.length) {
      rest.push(chunk.subarray(from));
      kept += chunk.length - from;
      if (kept > LONGEST_LINE)
        throw new GraftError(
          'dataset-invalid',
          `A line is longer than ${LONGEST_LINE} bytes; JSON lines have an object a line.`,
        );
    }
  }
  if (kept > 0) yield Buffer.concat(rest);
}

/** Names of all fields of the first objects of a file, in the order in which they appear; what cannot be read is passed over. */
export function jsonKeys(sample: string): {
  readonly keys: readonly string[];
  readonly rows: readonly (readonly string[])[];
} {
  const objects: Record<string, unknown>[] = [];
  for (const line of sample
    .replace(/^\uFEFF/, '')
    .split('\n')
    .slice(0, 400)) {
    try {
      const value: unknown = JSON.parse(line);
      if (typeof value === 'object' && value !== null && !Array.isArray(value))
        objects.push(value as Record<string, unknown>);
    } catch {
      // Told with its line number when the rows are read.
    }
  }
  const keys = [...new Set(objects.flatMap((object) => Object.keys(object)))];
  return { keys, rows: [keys, ...objects.map((object) => keys.map((key) => wordOf(object[key])))] };
}
