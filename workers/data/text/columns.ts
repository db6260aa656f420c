import { GraftError } from '../../../src/errors.js';

/** Which columns of a table hold what; positions count from 0. */
export interface Columns {
  readonly text: number;
  readonly label: number;
  readonly split: number | null;
  /** Whether the first row names the columns. */
  readonly header: boolean;
  readonly names: readonly string[];
}
/** What the user says of the columns: names of the header, or numbers from 1. */
export interface GivenColumns {
  readonly text?: string;
  readonly label?: string;
  readonly split?: string;
}

const KNOWN = {
  text: [
    'text',
    'sentence',
    'review',
    'content',
    'comment',
    'message',
    'utterance',
    'tweet',
    'document',
    'body',
    'phrase',
    'query',
    'question',
    'description',
    'input',
    'texts',
    'sms',
    'headline',
    'title',
  ],
  label: [
    'label',
    'target',
    'class',
    'category',
    'sentiment',
    'intent',
    'topic',
    'polarity',
    'labels',
    'tag',
    'language',
    'lang',
    'y',
    'output',
    'rating',
    'stars',
  ],
  split: ['split', 'subset', 'set', 'partition', 'fold'],
} as const;
type Role = keyof typeof KNOWN;
const plain = (name: string): string =>
  name
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, '_');

/**
 * The columns by what the user said, else by the names in the first row, else by what they hold: the text is the column of
 * the longest values, the label the one of the fewest different ones. `rows` are the first of the table.
 * Throws `dataset-invalid` saying which columns there are.
 */
export function findColumns(rows: readonly (readonly string[])[], given: GivenColumns = {}): Columns {
  const first = rows[0] ?? [];
  const width = Math.max(...rows.map((row) => row.length), 0);
  const named = (role: Role): number => first.findIndex((name) => KNOWN[role].includes(plain(name) as never));
  const header =
    Object.values(given).some((name) => first.some((cell) => plain(cell) === plain(name))) ||
    named('label') >= 0 ||
    named('text') >= 0 ||
    looksLikeHeader(rows);
  const names = header ? first.map((name) => name.trim()) : [];
  const wanted = (role: Role): number | null => {
    const said = given[role];
    if (said === undefined) {
      const at = header ? bestKnown(first, role) : -1;
      return at < 0 ? null : at;
    }
    const at = header ? first.findIndex((cell) => plain(cell) === plain(said)) : -1;
    if (at >= 0) return at;
    const number = /^\d+$/.test(said) ? Number(said) : 0;
    if (number >= 1 && number <= width) return number - 1;
    throw new GraftError(
      'dataset-invalid',
      `There is no column '${said}' for the ${role}; ${whatThereIs(names, width)}.`,
    );
  };
  const body = header ? rows.slice(1) : rows;
  const text = wanted('text');
  const label = wanted('label');
  const split = wanted('split');
  const others = Array.from({ length: width }, (_, i) => i).filter((i) => i !== text && i !== label && i !== split);
  const foundText = text ?? longest(body, others);
  const foundLabel =
    label ??
    fewest(
      body,
      others.filter((i) => i !== foundText),
    );
  if (foundText === null || foundLabel === null || foundText === foundLabel)
    throw new GraftError(
      'dataset-invalid',
      `A column of texts and a column of labels are needed; ${whatThereIs(names, width)}. Name them text and label, or say which they are.`,
    );
  return { text: foundText, label: foundLabel, split, header, names };
}

/** Earlier names are the more certain ones: 'text' wins over 'title' where both are there. */
function bestKnown(header: readonly string[], role: Role): number {
  for (const name of KNOWN[role]) {
    const at = header.findIndex((cell) => plain(cell) === name);
    if (at >= 0) return at;
  }
  return -1;
}

const whatThereIs = (names: readonly string[], width: number): string =>
  names.length > 0
    ? `the columns are ${names.map((name) => `'${name}'`).join(', ')}`
    : `there are ${width} columns without names`;

const distinct = (rows: readonly (readonly string[])[], at: number): Set<string> =>
  new Set(rows.map((row) => (row[at] ?? '').trim()));

/** A first row whose short cells occur nowhere else in columns whose other cells repeat. */
function looksLikeHeader(rows: readonly (readonly string[])[]): boolean {
  const [first, ...rest] = rows;
  if (first === undefined || rest.length < 4 || !first.every((cell) => cell.trim() !== '' && cell.length <= 40))
    return false;
  return first.some((cell, at) => {
    const values = distinct(rest, at);
    return values.size <= rest.length / 2 && !values.has(cell.trim()) && !/^-?\d+(\.\d+)?$/.test(cell.trim());
  });
}

function longest(rows: readonly (readonly string[])[], among: readonly number[]): number | null {
  let best: number | null = null;
  let most = -1;
  for (const at of among) {
    const mean = rows.reduce((sum, row) => sum + (row[at]?.length ?? 0), 0);
    if (mean > most) [best, most] = [at, mean];
  }
  return best;
}

function fewest(rows: readonly (readonly string[])[], among: readonly number[]): number | null {
  let best: number | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const at of among) {
    const count = distinct(rows, at).size;
    // A column of one value says nothing of the texts.
    const cost = count < 2 ? Number.MAX_SAFE_INTEGER : count;
    if (cost < least) [best, least] = [at, cost];
  }
  return best;
}

/** For the report. */
export const columnWords = ({ header, names, text, label, split }: Columns): string => {
  const name = (at: number): string => (header ? `'${names[at] ?? at + 1}'` : `${at + 1}`);
  return `text in column ${name(text)}, label in ${name(label)}${split === null ? '' : `, split in ${name(split)}`}${header ? '' : ', no header'}`;
};
