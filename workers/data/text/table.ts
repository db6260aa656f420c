import { posix } from 'node:path';
import type { GivenColumns } from '../../../src/domain/columns.js';
import type { Example } from '../../../src/domain/types.js';
import { GraftError } from '../../../src/errors.js';
import { splitNamed } from '../image-layout.js';
import { type Columns, columnWords, findColumns } from './columns.js';
import { asUtf8, encodingWords, textReader, wideEncoding, withoutMark } from './encoding.js';
import type { LabelSource } from './given-columns.js';
import { jsonKeys, rowsOf } from './rows.js';
import { type Dialect, dialectWords, SAMPLE, sampleRows, sniff } from './sniff.js';
import type { TextFile } from './upload.js';

/** A sample reaches to the end of its first line, if that is this long at most. */
const LONGEST_FIRST = 16 << 20;

/** An example as it stands in the upload. */
export interface Raw {
  readonly text: string;
  readonly label: string;
  readonly split?: string | null;
  readonly problem?: Example['problem'];
}

interface OpenTable {
  rows(): AsyncGenerator<Raw & { readonly number: number }>;
  readonly label: LabelSource;
  /** Once it was read. */
  words(): string;
  notes(): readonly string[];
}

/** Finds out how a table is written and which of its columns are what. Throws `dataset-invalid` where it is none. */
export async function openTable(table: TextFile, given: GivenColumns): Promise<OpenTable> {
  const where = table.path === null ? '' : `${table.path}: `;
  const sample = await sampleOf(table);
  const wide = wideEncoding(sample);
  const start =
    wide === null
      ? withoutMark(sample)
      : Buffer.from(new TextDecoder(wide).decode(sample.subarray(0, sample.length & ~1)));
  if (start.subarray(0, 1024).includes(0) && wide === null && looksBinary(start))
    throw new GraftError(
      'dataset-invalid',
      `${where}the file holds binary data, not text. CSV, TSV and JSON lines are taken, packed as zip, tar or gz if you like.`,
    );
  if (/^\s*\[/.test(start.toString('utf8', 0, 200)))
    throw new GraftError(
      'dataset-invalid',
      `${where}the file is one JSON list; JSON lines are taken, an object a line ({"text": "…", "label": "…"}).`,
    );
  const dialect = dialectOf(start, where);
  const { columns, keys } = columnsOf(start, dialect, given, where);
  const reader = textReader();
  const fileSplit = table.path === null ? null : (splitNamed(posix.basename(table.path).split('.')[0]) ?? null);
  async function* rows(): AsyncGenerator<Raw & { readonly number: number }> {
    for await (const { number, fields, problem } of rowsOf(asUtf8(table.open(), wide), dialect, reader, keys)) {
      if (number === 1 && columns.header && dialect.kind === 'separated') continue;
      if (problem) yield { number, text: '', label: '', problem };
      else if (fields.length !== columns.width)
        yield {
          number,
          text: '',
          label: '',
          problem: {
            code: 'row-ragged',
            detail: `Row ${number} has ${fields.length} fields, the others ${columns.width}. A text that holds the delimiter or a line break must be in quotes.`,
          },
        };
      else
        yield {
          number,
          text: fields[columns.text] ?? '',
          label: fields[columns.label] ?? '',
          split: (columns.split === null ? '' : fields[columns.split]) || fileSplit,
        };
    }
  }
  return {
    rows,
    label: labelSource(columns, given),
    words: () => `${dialectWords(dialect)}, ${columnWords(columns)}, ${encodingWords(wide, reader.counts)}`,
    notes: () =>
      reader.counts.windows1252 > 0 && wide === null
        ? [`${where}${reader.counts.windows1252} fields are not UTF-8 and were read as Windows-1252.`]
        : [],
  };
}

function labelSource({ header, names, label }: Columns, given: GivenColumns): LabelSource {
  const name = header ? names[label] : undefined;
  const column = name || String(label + 1);
  const words = name ? `the column '${name}'` : `column ${column}`;
  return { of: 'column', words, name: column, given: given.label !== undefined };
}

function dialectOf(start: Buffer, where: string): Dialect {
  const dialect = sniff(start);
  if (dialect !== null) return dialect;
  throw new GraftError(
    'dataset-invalid',
    `${where}no table with a text and a label in every row was found: neither commas, tabs, semicolons nor bars divide the rows, and they are no JSON objects. The first row is "${start.toString('utf8', 0, 80).split('\n')[0] ?? ''}".`,
  );
}

function columnsOf(
  start: Buffer,
  dialect: Dialect,
  given: GivenColumns,
  where: string,
): { columns: Columns; keys: readonly string[] } {
  try {
    if (dialect.kind === 'separated') return { columns: findColumns(sampleRows(start, dialect), given), keys: [] };
    const { keys, rows } = jsonKeys(start.toString('utf8'));
    return { columns: findColumns(rows, given, { named: true }), keys };
  } catch (error) {
    if (error instanceof GraftError) throw new GraftError(error.code, `${where}${error.detail}`);
    throw error;
  }
}

/** Control characters in plenty: a picture or a program, not text with a stray NUL. */
function looksBinary(bytes: Buffer): boolean {
  const head = bytes.subarray(0, 4096);
  const odd = head.reduce((n, b) => n + (b < 9 || (b > 13 && b < 32) ? 1 : 0), 0);
  return odd > head.length * 0.05;
}

async function sampleOf(table: TextFile): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let have = 0;
  let whole = false;
  for await (const chunk of table.open()) {
    parts.push(chunk);
    have += chunk.length;
    whole ||= chunk.includes(10);
    if ((have >= SAMPLE && whole) || have >= LONGEST_FIRST) break;
  }
  const all = Buffer.concat(parts);
  return all.subarray(0, Math.max(SAMPLE, all.indexOf(10) + 1 || all.length));
}
