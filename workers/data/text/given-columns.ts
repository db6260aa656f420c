import { COLUMN_FIELDS, type ColumnRole, type GivenColumns } from '../../../src/domain/columns.js';
import { GraftError } from '../../../src/errors.js';
import { beginning } from '../../../src/words.js';

/** Where the labels come from. */
export interface LabelSource {
  readonly of: 'column' | 'folder';
  /** As the user may know it. */
  readonly words: string;
  /** What the user would name it by. */
  readonly name: string;
  /** Whether the user named it. */
  readonly given: boolean;
}

/** A table as far as its columns can be named: its first row, whether that is their names, and how many there are. */
export interface Nameable {
  readonly first: readonly string[];
  readonly header: boolean;
  readonly width: number;
}

/** Names are compared so where none is the same to the letter. */
export const plain = (name: string): string =>
  name
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, '_');

/** A number may be meant as one, so that a cell like it makes no header of the first row. */
const isNumber = (said: string): boolean => /^\d+$/.test(said.trim());

/** Whether the first row has a name that the user gave, and so is the header. */
export const namesOf = (first: readonly string[], given: GivenColumns): boolean =>
  Object.values(given).some((said) => !isNumber(said) && first.some((cell) => plain(cell) === plain(said)));

/**
 * Where the columns are that the user named, from 0. Throws `dataset-invalid` where one is not there (with those that are),
 * stands twice, or is named for two things.
 */
export function givenPositions(given: GivenColumns, table: Nameable): Readonly<Partial<Record<ColumnRole, number>>> {
  const found: Partial<Record<ColumnRole, number>> = {};
  for (const [role, said] of Object.entries(given) as [ColumnRole, string][]) {
    const at = positionOf(said, role, table);
    const other = (Object.keys(found) as ColumnRole[]).find((one) => found[one] === at);
    if (other !== undefined)
      throw new GraftError(
        'dataset-invalid',
        `The column '${said}' is named for the ${other} and for the ${role}; ${whatThereIs(table)}.`,
      );
    found[role] = at;
  }
  return found;
}

function positionOf(said: string, role: ColumnRole, table: Nameable): number {
  const { first, header, width } = table;
  const where = (same: (cell: string) => boolean): number[] =>
    header ? first.flatMap((cell, at) => (same(cell) ? [at] : [])) : [];
  const exact = where((cell) => cell.trim() === said.trim());
  const named = exact.length > 0 ? exact : where((cell) => plain(cell) === plain(said));
  if (named.length > 1)
    throw new GraftError(
      'dataset-invalid',
      `The header has '${said}' ${named.length} times; name the ${role}'s column by its number: ${COLUMN_FIELDS[role]}=${named.map((at) => at + 1).join(' or ')}.`,
    );
  if (named[0] !== undefined) return named[0];
  const number = isNumber(said) ? Number(said) : 0;
  if (number >= 1 && number <= width) return number - 1;
  throw new GraftError('dataset-invalid', `There is no column '${said}' for the ${role}; ${whatThereIs(table)}.`);
}

const MOST_SHOWN = 50;
/** Which columns there are, for an error. */
export function whatThereIs({ first, header, width }: Nameable): string {
  if (width === 0) return 'there are none';
  const cells = first.slice(0, MOST_SHOWN).map((cell) => `'${beginning(cell.trim(), 40)}'`);
  const more = first.length > MOST_SHOWN ? ` and ${first.length - MOST_SHOWN} more` : '';
  return header
    ? `the columns are ${cells.join(', ')}${more}`
    : `there are ${width} columns without names, which go by their numbers from 1; the first row is ${cells.join(', ')}${more}`;
}

/** What a person calls the label of texts whose folders are their labels. */
const FOLDER = 'folder';

/**
 * Where the labels come from in folders of .txt, which have no columns: the one thing to say of them is that the folder is
 * indeed the label. Throws `dataset-invalid` where anything else is named.
 */
export function folderSource({ label, ...others }: GivenColumns): LabelSource {
  const given = label !== undefined;
  if (Object.keys(others).length > 0 || (given && plain(label) !== FOLDER))
    throw new GraftError(
      'dataset-invalid',
      `Columns are named (${Object.values(COLUMN_FIELDS).join(', ')}), but the upload holds no table: its labels are the names of the folders of .txt, of which only ${howToName('label', FOLDER)} can be said. Leave the columns out.`,
    );
  return { of: 'folder', words: 'the folder of each text', name: FOLDER, given };
}

/** How a person names a column, for an error that asks for it; any column where `name` is left out. */
export function howToName(role: ColumnRole, name = '…'): string {
  const word = /^[\p{L}\p{N}_.…-]+$/u.test(name) ? name : JSON.stringify(name);
  return `${COLUMN_FIELDS[role]}=${word} (graft: --${role}-column ${word})`;
}
