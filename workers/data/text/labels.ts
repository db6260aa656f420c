import type { DatasetSummary } from '../../../src/domain/types.js';
import { type StoredProblem, storedProblem } from '../../../src/errors.js';

/** More classes than this are no labels that anyone chose; a linear head on them would not fit either. */
const MOST_LABELS = 1000;
/** From this many on, labels must repeat. */
const FEW = 50;
const NUMBER = /^[-+]?\d+(\.\d+)?(e[-+]?\d+)?$/i;

const some = (names: readonly string[]): string =>
  names
    .slice(0, 3)
    .map((name) => `'${name.slice(0, 40)}'`)
    .join(', ');

/** A column that can hardly be the label: the problem asks whether it is, and says what else to do. null where it may be. */
export function doubtfulLabels(summary: DatasetSummary, column: string): StoredProblem | null {
  const names = summary.labels.map((label) => label.name);
  const many = names.length;
  const ask = (why: string): StoredProblem => {
    const detail = `Is ${column} the label? ${why} (such as ${some(names)}). Labels are the classes to tell apart; call the right column 'label', or leave the others away.`;
    return storedProblem('dataset-invalid', detail, [{ path: column, code: 'labels-doubtful', detail }]);
  };
  if (many > MOST_LABELS) return ask(`It has ${many} different values, and at most ${MOST_LABELS} classes are trained`);
  if (many > FEW && many > summary.examples / 5)
    return ask(`It has ${many} different values in ${summary.examples} examples`);
  const fractions = names.filter((name) => NUMBER.test(name) && !Number.isInteger(Number(name)));
  if (fractions.length > 10 && fractions.length > many / 2)
    return ask(`It holds numbers with fractions, ${many} different ones; a classifier cannot predict amounts`);
  return null;
}

/** What a user should know of labels that are numbers or truth values: predictions will be called so. */
export function labelKindNotes(summary: DatasetSummary): readonly string[] {
  const names = summary.labels.map((label) => label.name);
  if (names.length > 0 && names.every((name) => NUMBER.test(name)))
    return [`The labels are numbers (${some(names)}); predictions will name them so, and their order means nothing.`];
  if (names.length > 0 && names.every((name) => /^(true|false|yes|no)$/i.test(name)))
    return [`The labels are truth values (${some(names)}); predictions will name them so.`];
  return [];
}
