import { createHash } from 'node:crypto';
import type { GivenColumns } from '../../../src/domain/columns.js';
import type { DatasetReport, Example, Split } from '../../../src/domain/types.js';
import { beginning } from '../../../src/words.js';
import { foldersOf, splitNamed } from '../image-layout.js';
import { malformedLabel } from '../malformed-label.js';
import { REJECTED } from '../pack.js';
import { copyFinder, type Member, type Place } from './copies.js';
import { encodingWords, textReader, wideEncoding } from './encoding.js';
import type { LabelSource } from './given-columns.js';
import { folderSource } from './given-columns.js';
import { lengthCounter } from './lengths.js';
import { openTable, type Raw } from './table.js';
import { openUpload } from './upload.js';

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
  readonly label: LabelSource;
}

/** Characters of one text. */
export const LONGEST_TEXT = 1_000_000;
const LONGEST_LABEL = 200;
const BATCH_BYTES = 1 << 20;
const BATCH_ROWS = 2000;
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
  let label = upload.tables.length === 0 ? folderSource(given) : null;
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
    label = open.label;
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
    add({ file, row: 0 }, { text, ...inFolders(name) });
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
    label: label!,
  };
}

const SPLITS: readonly Split[] = ['train', 'validation', 'test'];
const SPLIT_NUMBER: Readonly<Record<Split, number>> = { train: 0, validation: 1, test: 2 };
const splitOf = ({ split }: Member): Split => SPLITS[split] as Split;
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
  const malformed = malformedLabel(label);
  if (malformed !== null) return refuse(malformed.code, malformed.detail);
  if (label.length > LONGEST_LABEL)
    return refuse('label-too-long', `The label has ${label.length} characters; at most ${LONGEST_LABEL} are taken.`);
  const split = raw.split ? splitNamed(raw.split) : null;
  if (split === undefined)
    return refuse(
      'split-unknown',
      `The split is '${beginning(raw.split ?? '', 40)}'; train, validation and test are known.`,
    );
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

/** What the folders of a file say of its text. */
function inFolders(path: string): Omit<Raw, 'text'> {
  const { label, split } = foldersOf(path);
  if (label !== undefined) return { label, split };
  return {
    label: '',
    problem: { code: 'label-missing', detail: 'The file lies in no folder that names its label.' },
  };
}
