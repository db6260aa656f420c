import type { ColumnRole, GivenColumns } from '../../../src/domain/columns.js';
import { GraftError } from '../../../src/errors.js';
import { givenPositions, howToName, namesOf, plain, whatThereIs } from './given-columns.js';

/** Which columns of a table hold what; positions count from 0. */
export interface Columns {
  readonly text: number;
  readonly label: number;
  readonly split: number | null;
  /** Whether the first row names the columns. */
  readonly header: boolean;
  readonly names: readonly string[];
  /** Fields of a row that is not ragged. */
  readonly width: number;
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
} as const satisfies Record<ColumnRole, readonly string[]>;

/**
 * The columns by what the user said, else by the names in the first row, else by what they hold: the text is the column of
 * the longest values, the label the one of the fewest different ones. `rows` are the first of the table; the first of them
 * is the header where `named` says so, else that is found out.
 * Throws `dataset-invalid` saying which columns there are.
 */
export function findColumns(
  rows: readonly (readonly string[])[],
  given: GivenColumns = {},
  { named = false }: { readonly named?: boolean } = {},
): Columns {
  const first = rows[0] ?? [];
  const header = named || namesOf(first, given) || hasKnown(first) || looksLikeHeader(rows);
  const table = { first, header, width: header ? first.length : commonestWidth(rows) };
  const said = givenPositions(given, table);
  const taken = new Set(Object.values(said));
  const at = (role: ColumnRole): number | null => said[role] ?? (header ? bestKnown(first, role, taken) : null);
  const body = header ? rows.slice(1) : rows;
  const split = at('split');
  const known = { text: at('text'), label: at('label') };
  const others = Array.from({ length: table.width }, (_, i) => i).filter(
    (i) => i !== known.text && i !== known.label && i !== split,
  );
  const text = known.text ?? longest(body, others);
  const remaining = others.filter((i) => i !== text);
  const label = known.label ?? fewest(body, remaining);
  if (text === null || label === null)
    throw new GraftError(
      'dataset-invalid',
      `A column of texts and a column of labels are needed; ${whatThereIs(table)}. Call them text and label, or say which they are: ${howToName('text')}, ${howToName('label')}.`,
    );
  return { text, label, split, header, names: header ? first.map((name) => name.trim()) : [], width: table.width };
}

/** Fields of most rows; the others are ragged. */
function commonestWidth(rows: readonly (readonly string[])[]): number {
  const counts = new Map<number, number>();
  for (const row of rows) counts.set(row.length, (counts.get(row.length) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 0;
}

const isKnown = (name: string, role: ColumnRole): boolean => (KNOWN[role] as readonly string[]).includes(plain(name));
const hasKnown = (first: readonly string[]): boolean =>
  first.some((name) => isKnown(name, 'text') || isKnown(name, 'label'));

/** Earlier names are the more certain ones: 'text' wins over 'title' where both are there. */
function bestKnown(header: readonly string[], role: ColumnRole, taken: ReadonlySet<number>): number | null {
  for (const name of KNOWN[role]) {
    const at = header.findIndex((cell, i) => plain(cell) === name && !taken.has(i));
    if (at >= 0) return at;
  }
  return null;
}

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
