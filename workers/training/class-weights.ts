import type { ClassWeights, Hyperparameters } from '../../src/domain/types.js';
import { GraftError } from '../../src/errors.js';
import type { Pick } from './choices.js';

/** Labels whose numbers of examples differ by less than this are left as they are. */
const SKEWED = 5;

/** Whether labels weigh the same in all, left to `auto`; `counts` are the training examples of each label. */
export function chosenClassWeights(
  given: Hyperparameters['classWeights'],
  counts: readonly number[],
  pick: Pick,
): ClassWeights {
  if (typeof given === 'object') return given;
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const skewed = most >= SKEWED * Math.max(1, least);
  return pick<'none' | 'balanced'>(
    'classWeights',
    given,
    skewed ? 'balanced' : 'none',
    skewed
      ? `one label has ${most} examples, another ${least}: the rare one would be passed over`
      : 'no label has five times the examples of another',
  );
}

/**
 * What an example of each label counts, scaled so that the mean over the training examples is 1 and the learning rate means
 * the same; null where all count 1. Throws `job-impossible` for a label that the data do not have.
 */
export function weightsOf(
  chosen: ClassWeights,
  labels: readonly string[],
  counts: readonly number[],
): Float64Array | null {
  if (chosen === 'none') return null;
  const raw = chosen === 'balanced' ? balanced(counts) : given(chosen, labels);
  const n = counts.reduce((a, b) => a + b, 0);
  const mean = raw.reduce((sum, w, k) => sum + w * counts[k]!, 0) / n;
  return Float64Array.from(raw, (w) => w / mean);
}

const balanced = (counts: readonly number[]): readonly number[] => counts.map((n) => (n === 0 ? 0 : 1 / n));

function given(weights: Readonly<Record<string, number>>, labels: readonly string[]): readonly number[] {
  const unknown = Object.keys(weights).find((name) => !labels.includes(name));
  if (unknown !== undefined) {
    const detail = `The data have no label '${unknown.slice(0, 100)}'; their labels are ${labels.slice(0, 20).join(', ')}.`;
    throw new GraftError('job-impossible', detail, {
      errors: [{ path: '/hyperparameters/classWeights', code: 'value-impossible', detail }],
    });
  }
  return labels.map((name) => weights[name] ?? 1);
}
