import type { DatasetSummary } from '../../../src/domain/types.js';
import { type StoredProblem, storedProblem } from '../../../src/errors.js';
import { beginning } from '../../../src/words.js';
import type { LabelSource } from './given-columns.js';
import { howToName } from './given-columns.js';

/** More classes than this are no labels that anyone chose; a linear head on them would not fit either. */
export const MOST_LABELS = 1000;
/** From this many on, labels must repeat. */
const FEW = 50;
const NUMBER = /^[-+]?\d+(\.\d+)?(e[-+]?\d+)?$/i;

const some = (names: readonly string[]): string =>
  names
    .slice(0, 3)
    .map((name) => `'${beginning(name, 40)}'`)
    .join(', ');

/**
 * A column that can hardly be the label: the problem asks whether it is, and says how to answer; naming the column is the
 * answer. More classes than are trained are refused all the same. null where it may be the label.
 */
export function doubtfulLabels(summary: DatasetSummary, label: LabelSource): StoredProblem | null {
  const names = summary.labels.map(({ name }) => name);
  const many = names.length;
  const problem = (detail: string): StoredProblem =>
    storedProblem('dataset-invalid', detail, [{ path: label.words, code: 'labels-doubtful', detail }]);
  if (many > MOST_LABELS) {
    const why = `${many} different values, and at most ${MOST_LABELS} classes are trained (such as ${some(names)})`;
    return problem(
      label.given
        ? `What was named for the label, ${label.words}, has ${why}. Put the rare ones together${label.of === 'folder' ? '' : ', or name another column'}.`
        : `Is ${label.words} the label? It has ${why}. ${ifNot(label)}`,
    );
  }
  const doubt = label.given ? null : doubtOf(names, summary.examples);
  if (doubt === null) return null;
  return problem(`Is ${label.words} the label? ${doubt} (such as ${some(names)}). ${ifSo(label)} ${ifNot(label)}`);
}

function doubtOf(names: readonly string[], examples: number): string | null {
  const many = names.length;
  if (many > FEW && many > examples / 5) return `It has ${many} different values in ${examples} examples`;
  const fractions = names.filter((name) => NUMBER.test(name) && !Number.isInteger(Number(name)));
  if (fractions.length > 10 && fractions.length > many / 2)
    return `It holds numbers with fractions, ${many} different ones; a classifier cannot predict amounts`;
  return null;
}

const ifSo = ({ name }: LabelSource): string => `If it is, say so: ${howToName('label', name)}.`;
const ifNot = ({ of }: LabelSource): string =>
  of === 'folder'
    ? 'If not, put the texts of each class into one folder.'
    : `If not, name the column of the classes: ${howToName('label')}.`;

/** What a user should know of labels that are numbers or truth values: predictions will be called so. */
export function labelKindNotes(summary: DatasetSummary): readonly string[] {
  const names = summary.labels.map((label) => label.name);
  if (names.length > 0 && names.every((name) => NUMBER.test(name)))
    return [`The labels are numbers (${some(names)}); predictions will name them so, and their order means nothing.`];
  if (names.length > 0 && names.every((name) => /^(true|false|yes|no)$/i.test(name)))
    return [`The labels are truth values (${some(names)}); predictions will name them so.`];
  return [];
}
