import type { Split } from '../../src/domain/types.js';
import { GraftError } from '../../src/errors.js';
import { splitExamples } from '../../src/tasks/classification/splits.js';
import type { FromChild, RunExample, RunSpec } from './messages.js';

export interface Parts {
  readonly train: readonly RunExample[];
  readonly validation: readonly RunExample[];
  readonly test: readonly RunExample[];
  /** In the order of the classes. */
  readonly labels: readonly string[];
  /** Whether the dataset's own validation split is used. */
  readonly own: boolean;
}

/** Class numbers of a list of examples. */
export function numbersOf(list: readonly RunExample[], labels: readonly string[]): Int32Array {
  const number = new Map(labels.map((label, i) => [label, i]));
  return Int32Array.from(list, (e) => number.get(e.label)!);
}

/** How many of the class numbers are each class. */
export function countsOf(numbers: Int32Array, classes: number): readonly number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const k of numbers) counts[k]!++;
  return counts;
}

/** Splits, and the labels in their order; what cannot be measured (a class never trained on) is left out and said. */
export function parts(spec: RunSpec, tell: (message: FromChild) => void): Parts {
  const splits = splitExamples(spec.examples, spec.fraction, spec.hyperparameters.seed);
  const labels = [...new Set(splits.train.map((e) => e.label))].sort();
  if (labels.length < 2)
    throw new GraftError(
      'job-impossible',
      `There ${labels.length === 1 ? `is one class ('${labels[0]}')` : 'are no examples'} to train on; a classifier needs two or more.`,
    );
  const known = new Set(labels);
  const measurable = (list: readonly RunExample[], split: Split) => {
    const kept = list.filter((e) => known.has(e.label));
    if (kept.length < list.length)
      tell({
        type: 'log',
        level: 'warning',
        message: `${list.length - kept.length} ${split} examples are of classes that have no training example and are left out`,
        data: { classes: [...new Set(list.filter((e) => !known.has(e.label)).map((e) => e.label))].slice(0, 20) },
      });
    return kept;
  };
  const validation = measurable(splits.validation, 'validation');
  if (validation.length === 0)
    throw new GraftError(
      'job-impossible',
      'No example is left to validate with. Add examples (two or more of a class), or a validation split.',
    );
  return { train: splits.train, validation, test: measurable(splits.test, 'test'), labels, own: splits.own };
}
