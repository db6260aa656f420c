/** What the user says of the columns of a table: names of its header, or numbers from 1. The others are found out. */
export interface GivenColumns {
  readonly text?: string;
  readonly label?: string;
  readonly split?: string;
}
export type ColumnRole = keyof GivenColumns;

/** By which field of a request each is named. */
export const COLUMN_FIELDS = {
  text: 'textColumn',
  label: 'labelColumn',
  split: 'splitColumn',
} as const satisfies Record<ColumnRole, string>;
export type ColumnFields = { readonly [field in (typeof COLUMN_FIELDS)[ColumnRole]]?: string };
/** The one task whose datasets are tables with columns of these kinds. */
export const TASK_WITH_COLUMNS = 'text-classification';

/** The columns that the fields of a request name; null where they name none. */
export function namedColumns(fields: ColumnFields): GivenColumns | null {
  const { textColumn: text, labelColumn: label, splitColumn: split } = fields;
  if (text === undefined && label === undefined && split === undefined) return null;
  return {
    ...(text === undefined ? {} : { text }),
    ...(label === undefined ? {} : { label }),
    ...(split === undefined ? {} : { split }),
  };
}
