import type { Repositories } from '../domain/ports.js';
import type { Model } from '../domain/types.js';
import { GraftError } from '../errors.js';
import { changedKey } from './model-files.js';
import type { PredictClient } from './predict-client.js';
import { type GivenInput, preparedInput, refuseCount } from './predict-inputs.js';
import type { Classified, PredictAnswer, Prediction } from './predict-protocol.js';

/** By id or alias. */
export async function findModel(
  deps: { readonly repositories: Pick<Repositories, 'models'> },
  projectId: string,
  reference: string,
): Promise<Model> {
  const found = await deps.repositories.models.find(projectId, reference);
  if (found === null) throw new GraftError('not-found', `There is no model or alias '${reference.slice(0, 100)}'.`);
  return found;
}

export interface PredictOptions {
  /** How many labels to answer with. */
  readonly top: number;
  /** Of models of two labels: the probability from which on the second label is predicted; null: the more probable one is. */
  readonly threshold: number | null;
}

/**
 * Predicts for each input; a bad one gets its problem in its place and the others are answered. A single bad input is the
 * whole request's failure. Throws `overloaded`, `unavailable` and `deadline-exceeded` as the prediction process does, and
 * `request-invalid` for a threshold that the model has no use for.
 */
export async function predict(
  predictor: Pick<PredictClient, 'predict'>,
  model: Model,
  inputs: readonly GivenInput[],
  { top, threshold }: PredictOptions,
  signal: AbortSignal,
): Promise<PredictAnswer> {
  refuseCount(model, inputs);
  if (threshold !== null && model.labels.length !== 2) throw noTwoLabels(model);
  const prepared = inputs.map((input) => preparedInput(model, input));
  const good = prepared.flatMap((input) => ('kind' in input ? [input] : []));
  const answer: PredictAnswer =
    good.length === 0
      ? { predictions: [], timing: { queueMs: 0, batch: 0, runMs: 0 } }
      : await predictor.predict(
          // A threshold asks for the second label's probability, whichever comes first.
          { model: { ...model, changedKey: changedKey(model) }, inputs: good, top: threshold === null ? top : 2 },
          signal,
        );
  let next = 0;
  // The process numbers what it was given; a problem must name the input as the caller numbered it.
  const numbered = (one: Prediction, index: number): Prediction => {
    if (!('error' in one)) return threshold === null ? one : decided(one, model.labels, threshold, top);
    if (one.error.errors === undefined) return one;
    const errors = one.error.errors.map((item) => ({
      ...item,
      path: item.path.replace(/^\/inputs\/\d+/, `/inputs/${index}`),
    }));
    return { error: { ...one.error, errors } };
  };
  const predictions = prepared.map((input, index) =>
    'kind' in input ? numbered(answer.predictions[next++]!, index) : { error: input },
  );
  const only = predictions.length === 1 ? predictions[0] : undefined;
  if (only !== undefined && 'error' in only) {
    const { code, detail, errors: items } = only.error;
    throw new GraftError(code, detail, items === undefined ? {} : { errors: items });
  }
  return { ...answer, predictions };
}

/** The second label where its probability reaches the threshold, else the first. */
function decided(one: Classified, labels: readonly string[], threshold: number, top: number): Classified {
  const [negative, positive] = labels as readonly [string, string];
  const probability = (label: string): number => one.top.find((entry) => entry.label === label)?.probability ?? 0;
  const label = probability(positive) >= threshold ? positive : negative;
  return { ...one, label, probability: probability(label), top: one.top.slice(0, top) };
}

function noTwoLabels({ labels }: Model): GraftError {
  const detail = `A threshold decides between two labels; this model has ${labels.length}. Leave it out, and judge by 'probability'.`;
  return new GraftError('request-invalid', detail, {
    errors: [{ path: '/threshold', code: 'value-impossible', detail }],
  });
}
