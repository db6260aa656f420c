import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { DatasetReport, Example, Split } from '../../../src/domain/types.js';
import { GraftError } from '../../../src/errors.js';
import { splitNamed } from '../image-layout.js';
import { REJECTED } from '../pack.js';
import { type Columns, columnWords, findColumns, type GivenColumns } from './columns.js';
import { copyFinder, type Member, type Place } from './copies.js';
import { asUtf8, encodingWords, textReader, wideEncoding, withoutMark } from './encoding.js';
import { jsonKeys, rowsOf } from './rows.js';
import { type Dialect, dialectWords, SAMPLE, sampleRows, sniff } from './sniff.js';
import { openUpload, type TextFile } from './upload.js';

/** Some examples with the bytes of their texts, in order: what goes into the pack and into the database together. */
export interface TextBatch {
  readonly bytes: Uint8Array;
  readonly examples: readonly Example[];
}
/** Copies by the paths of their examples; lists end at 1,000 entries, the counts do not. */
export interface TextCopies {
  readonly groups: DatasetReport['duplicates'];
  readonly leaks: DatasetReport['leaks'];
  readonly extra: number;
  readonly leakCount: number;
}
/** What is known once everything was read. */
export interface TextSet {
  readonly format: string;
  readonly notes: readonly string[];
  readonly copies: TextCopies;
  /** Characters of the texts: at the median and the 95th percentile, and the most. */
  readonly lengths: { readonly median: number; readonly p95: number; readonly most: number };
  /** The column that the labels come from, as the user may know it. */
  readonly labelColumn: string;
}

/** Characters of one text. */
export const LONGEST_TEXT = 1_000_000;
const LONGEST_LABEL = 200;
const BATCH_BYTES = 1 << 20;
const BATCH_ROWS = 2000;
/** A sample reaches to the end of its first line, if that is this long at most. */
const LONGEST_FIRST = 16 << 20;

/**
 * Reads an upload of texts from beginning to end, a batch in memory at a time, and returns what it is as a whole. Throws
 * `dataset-invalid` or `archive-invalid` where nothing of it can be used; a row that cannot be used is an example with a problem.
 */
export async function* readTextSet(path: string, given: GivenColumns = {}): AsyncGenerator<TextBatch, TextSet> {
  const upload = await openUpload(path);
  const files: (string | null)[] = [];
  const formats = new Set<string>();
  const copies = copyFinder();
  const sizes = lengthCounter();
  const pathOf = ({ file, row }: Place): string => {
    const name = files[file] ?? null;
    if (row === 0) return name ?? '';
    return name === null ? `row ${row}` : `${name}:${row}`;
  };
  const notes = [...upload.notes];
  let labelColumn = 'the folder';
  let offset = 0;
  let index = 0;
  let bytes: Buffer[] = [];
  let held = 0;
  let examples: Example[] = [];
  const taken = (): TextBatch => {
    const batch = { bytes: Buffer.concat(bytes), examples };
    [bytes, examples, held] = [[], [], 0];
    return batch;
  };
  const add = (place: Place, raw: Raw): void => {
    const made = exampleOf(index, pathOf(place), raw, offset);
    index++;
    if ('problem' in made) {
      examples.push(made.problem);
      return;
    }
    const { example, text, encoded, hash } = made;
    bytes.push(encoded);
    held += encoded.length;
    offset += encoded.length;
    examples.push(example);
    sizes.add(text.length);
    copies.add(example.index, place, SPLIT_NUMBER[example.split ?? 'train'], hash, text);
  };
  const full = (): boolean => held >= BATCH_BYTES || examples.length >= BATCH_ROWS;

  for (const table of upload.tables) {
    const file = files.push(table.path) - 1;
    const open = await openTable(table, given);
    labelColumn = open.labelColumn;
    for await (const raw of open.rows()) {
      add({ file, row: raw.number }, raw);
      if (full()) yield taken();
    }
    formats.add(open.words());
    notes.push(...open.notes());
  }
  const reader = textReader();
  for await (const { path: name, bytes: content } of upload.texts.read()) {
    const file = files.push(name) - 1;
    const wide = wideEncoding(content);
    const text = wide === null ? reader.read(content).replace(/^\uFEFF/, '') : new TextDecoder(wide).decode(content);
    add({ file, row: 0 }, { text, ...folderLabel(name) });
    if (full()) yield taken();
  }
  if (upload.texts.paths.length > 0) formats.add(`folders of .txt, ${encodingWords(null, reader.counts)}`);
  if (examples.length > 0) yield taken();
  const found = copies.find();
  if (found.nearAmong !== null)
    notes.push(`Near duplicates were looked for among the first ${found.nearAmong} examples.`);
  return {
    format: `${upload.kind === 'file' ? '' : `${upload.kind}, `}${[...formats].join('; ')}`,
    notes,
    copies: {
      groups: found.groups.map(({ kind, members }) => ({ kind, paths: members.map(pathOf) })),
      leaks: found.leaks.map(({ kind, train, other }) => ({
        kind,
        train: pathOf(train),
        other: pathOf(other),
        split: splitOf(other),
      })),
      extra: found.extra,
      leakCount: found.leakCount,
    },
    lengths: sizes.result(),
    labelColumn,
  };
}

const SPLITS: readonly Split[] = ['train', 'validation', 'test'];
const SPLIT_NUMBER: Readonly<Record<Split, number>> = { train: 0, validation: 1, test: 2 };
const splitOf = ({ split }: Member): Split => SPLITS[split] as Split;
interface Raw {
  readonly text: string;
  readonly label: string;
  readonly split?: string | null;
  readonly problem?: Example['problem'];
}

function exampleOf(
  index: number,
  path: string,
  raw: Raw,
  offset: number,
): { problem: Example } | { example: Example; text: string; encoded: Buffer; hash: bigint } {
  const refuse = (code: string, detail: string) => ({
    problem: { ...REJECTED, index, path, problem: { code, detail } },
  });
  if (raw.problem) return { problem: { ...REJECTED, index, path, problem: raw.problem } };
  const text = raw.text.trim();
  const label = raw.label.normalize('NFC').trim();
  if (text === '') return refuse('text-empty', 'The text is empty or only white space.');
  if (text.length > LONGEST_TEXT)
    return refuse(
      'text-too-large',
      `The text has ${text.length} characters; at most ${LONGEST_TEXT} are taken. Split it into several examples.`,
    );
  if (label === '') return refuse('label-missing', 'There is no label.');
  if (label.length > LONGEST_LABEL)
    return refuse('label-too-long', `The label has ${label.length} characters; at most ${LONGEST_LABEL} are taken.`);
  const split = raw.split ? splitNamed(raw.split) : null;
  if (split === undefined)
    return refuse('split-unknown', `The split is '${raw.split?.slice(0, 40)}'; train, validation and test are known.`);
  const encoded = Buffer.from(text, 'utf8');
  const digest = createHash('sha256').update(encoded).digest();
  const example: Example = {
    index,
    path,
    label,
    split,
    offset,
    bytes: encoded.length,
    digest: `sha256:${digest.toString('hex')}`,
    width: null,
    height: null,
    problem: null,
  };
  return { example, text, encoded, hash: digest.readBigUInt64LE(0) };
}

/** Label and split of a file from the folders that it lies in. */
function folderLabel(path: string): Omit<Raw, 'text'> {
  const folders = path.split('/').slice(0, -1);
  const at = folders.findIndex((folder) => splitNamed(folder) !== undefined);
  const label = at === folders.length - 1 ? undefined : folders.at(-1);
  if (label === undefined)
    return {
      label: '',
      problem: { code: 'label-missing', detail: 'The file lies in no folder that names its label.' },
    };
  return { label, split: at < 0 ? null : (folders[at] as string) };
}

interface OpenTable {
  rows(): AsyncGenerator<Raw & { readonly number: number }>;
  readonly labelColumn: string;
  /** Once it was read. */
  words(): string;
  notes(): readonly string[];
}

async function openTable(table: TextFile, given: GivenColumns): Promise<OpenTable> {
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
  const dialect = sniff(start);
  if (dialect === null)
    throw new GraftError(
      'dataset-invalid',
      `${where}no table with a text and a label in every row was found: neither commas, tabs, semicolons nor bars divide the rows, and they are no JSON objects. The first row is "${start.toString('utf8', 0, 80).split('\n')[0] ?? ''}".`,
    );
  const { columns, keys } = columnsOf(start, dialect, given, where);
  const reader = textReader();
  const fileSplit = table.path === null ? null : (splitNamed(posix.basename(table.path).split('.')[0]) ?? null);
  const width =
    dialect.kind === 'jsonl'
      ? keys.length
      : columns.header
        ? columns.names.length
        : widthOf(sampleRows(start, dialect));
  async function* rows(): AsyncGenerator<Raw & { readonly number: number }> {
    for await (const { number, fields, problem } of rowsOf(
      asUtf8(table.open(), wide),
      dialect as Dialect,
      reader,
      keys,
    )) {
      if (number === 1 && columns.header && dialect?.kind === 'separated') continue;
      if (problem) yield { number, text: '', label: '', problem };
      else if (fields.length !== width)
        yield {
          number,
          text: '',
          label: '',
          problem: {
            code: 'row-ragged',
            detail: `Row ${number} has ${fields.length} fields, the others ${width}. A text that holds the delimiter or a line break must be in quotes.`,
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
    labelColumn: columns.header ? `the column '${columns.names[columns.label]}'` : `column ${columns.label + 1}`,
    words: () => `${dialectWords(dialect)}, ${columnWords(columns)}, ${encodingWords(wide, reader.counts)}`,
    notes: () =>
      reader.counts.windows1252 > 0 && wide === null
        ? [`${where}${reader.counts.windows1252} fields are not UTF-8 and were read as Windows-1252.`]
        : [],
  };
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
    const found = findColumns(rows, given);
    return { columns: { ...found, header: true, names: keys }, keys };
  } catch (error) {
    if (error instanceof GraftError) throw new GraftError(error.code, `${where}${error.detail}`);
    throw error;
  }
}

const widthOf = (rows: readonly (readonly string[])[]): number => {
  const counts = new Map<number, number>();
  for (const row of rows) counts.set(row.length, (counts.get(row.length) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 0;
};

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

/** Percentiles of lengths from counts in steps of a hundredth of their size, in constant memory. */
function lengthCounter() {
  const counts = new Float64Array(2048);
  const bucket = (n: number): number => Math.min(2047, Math.round(100 * Math.log(Math.max(1, n))));
  let total = 0;
  let most = 0;
  return {
    add(length: number): void {
      counts[bucket(length)]!++;
      total++;
      most = Math.max(most, length);
    },
    result() {
      const at = (share: number): number => {
        let left = share * total;
        for (let i = 0; i < counts.length; i++) {
          left -= counts[i]!;
          if (left <= 0) return Math.min(most, Math.round(Math.exp(i / 100)));
        }
        return most;
      };
      return { median: total === 0 ? 0 : at(0.5), p95: total === 0 ? 0 : at(0.95), most };
    },
  };
}
