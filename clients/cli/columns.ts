import type { ColumnFields } from '../api/client.js';
import { type Context, UsageError } from './options.js';

/** The options that name the columns of a table, and their fields in the contract. */
const FIELDS = { 'text-column': 'textColumn', 'label-column': 'labelColumn', 'split-column': 'splitColumn' } as const;
type ColumnOption = keyof typeof FIELDS;

export const columnOptions: Readonly<Record<ColumnOption, string>> = {
  'text-column': 'column of a table that holds the texts: its name, or number from 1 (found out)',
  'label-column': 'column that holds the labels (found out); folder for folders of .txt',
  'split-column': 'column that says train, validation or test (found out)',
};

/** The columns that the options name, as fields of an upload; null where they name none. */
export function columnsOf(values: Context['values']): ColumnFields | null {
  const named = (Object.keys(FIELDS) as ColumnOption[]).filter((option) => values[option] !== undefined);
  return named.length === 0 ? null : Object.fromEntries(named.map((option) => [FIELDS[option], values[option]]));
}

/** @throws UsageError where columns are named for a dataset that was uploaded before. */
export function refuseColumnsOf(dataset: string, values: Context['values']): void {
  const option = Object.keys(FIELDS).find((one) => values[one] !== undefined);
  if (option !== undefined)
    throw new UsageError(`--${option} tells how to read a table as it is uploaded; ${dataset} is there already.`);
}
