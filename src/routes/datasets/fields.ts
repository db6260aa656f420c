import { Type } from 'typebox';
import { COLUMN_FIELDS, type ColumnFields, TASK_WITH_COLUMNS } from '../../domain/columns.js';
import { TASKS } from '../../domain/types.js';
import { GraftError, type ProblemItem } from '../../errors.js';
import type { FieldCheck } from '../../http/form-fields.js';

/** Fields of an upload, as its form or its address has them. */
export const FIELDS: Readonly<Record<string, FieldCheck>> = {
  name: (value) => (value.length >= 1 && value.length <= 200 ? null : 'must have 1 to 200 characters'),
  task: (value) => (TASKS.some((task) => task === value) ? null : `must be one of ${TASKS.join(', ')}`),
};

const LONGEST = 200;
/** Not only white space; Postgres keeps no NUL. */
const PATTERN = '^\\s*[^\\s\\u0000][^\\u0000]*$';
const wrongColumn: FieldCheck = (value) =>
  value.length <= LONGEST && new RegExp(PATTERN).test(value)
    ? null
    : `must be the name of a column, of 1 to ${LONGEST} characters, or its number from 1`;
export const COLUMN_CHECKS: Readonly<Record<string, FieldCheck>> = Object.fromEntries(
  Object.values(COLUMN_FIELDS).map((field) => [field, wrongColumn]),
);

const column = (what: string, more = '') =>
  Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: LONGEST,
      pattern: PATTERN,
      description: `Column of a table that ${what}: its name, or its number from 1. Only for ${TASK_WITH_COLUMNS}; found out where it is left out.${more}`,
    }),
  );
export const columnFields = {
  textColumn: column('holds the texts'),
  labelColumn: column(
    'holds the labels',
    ' Naming it also answers the question that checking asks of a column that hardly looks like labels; `folder` answers it for folders of .txt.',
  ),
  splitColumn: column('says train, validation or test'),
};

/** @throws GraftError `request-invalid` where columns are named for a task whose datasets have none. */
export function refuseColumns(task: string, fields: ColumnFields): void {
  if (task === TASK_WITH_COLUMNS) return;
  const errors = Object.values(COLUMN_FIELDS)
    .filter((field) => fields[field] !== undefined)
    .map(
      (field): ProblemItem => ({
        path: `/${field}`,
        code: 'field-unknown',
        detail: `names a column of a table of texts, and only ${TASK_WITH_COLUMNS} has those; leave it out, or change the task`,
      }),
    );
  if (errors.length === 0) return;
  const named = errors.map((error) => error.path.slice(1)).join(', ');
  throw new GraftError(
    'request-invalid',
    `The task is ${task}, which takes no ${named}: columns are named for ${TASK_WITH_COLUMNS} only. Leave them out, or change the task.`,
    { errors },
  );
}
