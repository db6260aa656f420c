import type { ModelRepository } from '../domain/ports.js';
import type { EvaluationExample, Json, Model } from '../domain/types.js';
import { GraftError } from '../errors.js';
import { binaryScores, thresholdOf } from '../tasks/classification/binary-scores.js';

/** Rows of one read; a validation split of any size is read through. */
const ROWS = 1000;

/**
 * The evaluation of a model of two labels at the threshold that meets a wished precision of the second on the validation examples
 * and finds most of its examples; what was set aside for testing is only measured at it. Throws `request-invalid` for other models
 * and for a precision that no threshold meets.
 */
export async function evaluationAt(
  models: Pick<ModelRepository, 'evaluation' | 'evaluationExamples'>,
  { id, labels }: Model,
  precision: number,
): Promise<Json> {
  if (labels.length !== 2)
    throw impossible(
      `A precision is wished of one of two labels; this model has ${labels.length}. Leave it out, and see 'classes'.`,
    );
  const examples = await all(models, id);
  const of = (split: EvaluationExample['split']) => examples.filter((example) => example.split === split);
  const [validation, test] = [columnsOf(of('validation'), labels), columnsOf(of('test'), labels)];
  const { threshold, reached } = thresholdOf(validation.actual, validation.probabilities, precision);
  if (threshold === null)
    throw impossible(
      `No threshold gives '${labels[1]}' a precision of ${precision} on the ${validation.actual.length} validation examples; the largest is ${reached.toFixed(3)}. Ask for at most that.`,
    );
  const scores = ({ actual, probabilities }: Columns) => binaryScores(labels, actual, probabilities, threshold);
  const evaluation = (await models.evaluation(id)) as Record<string, Json>;
  const measured = evaluation.test as Record<string, Json> | null | undefined;
  return {
    ...evaluation,
    binary: { ...scores(validation) },
    ...(measured ? { test: { ...measured, binary: { ...scores(test) } } } : {}),
  };
}

interface Columns {
  readonly actual: readonly number[];
  /** Row-major [n, 2]. */
  readonly probabilities: Float32Array;
}
const columnsOf = (examples: readonly EvaluationExample[], labels: readonly string[]): Columns => ({
  actual: examples.map((example) => labels.indexOf(example.actual)),
  probabilities: Float32Array.from(examples.flatMap((example) => example.probabilities)),
});

async function all(models: Pick<ModelRepository, 'evaluationExamples'>, id: string): Promise<EvaluationExample[]> {
  const found: EvaluationExample[] = [];
  for (let after: string | undefined; ; ) {
    const page = await models.evaluationExamples(id, {}, { limit: ROWS, ...(after !== undefined && { after }) });
    found.push(...page.data);
    if (page.nextCursor === null) return found;
    after = page.nextCursor;
  }
}

const impossible = (detail: string): GraftError =>
  new GraftError('request-invalid', detail, { errors: [{ path: '/precision', code: 'value-impossible', detail }] });
