import type { Repositories } from '../domain/ports.js';
import type { Model } from '../domain/types.js';
import { GraftError, type Problem, problem } from '../errors.js';
import { changedKey } from './model-files.js';
import type { PredictClient } from './predict-client.js';
import { MAX_INPUTS, type PredictAnswer, type Prediction } from './predict-protocol.js';

/** An input as it was sent; `error` where it could not even be unpacked. */
export type GivenInput =
  | { readonly kind: 'image'; readonly bytes: Uint8Array }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'error'; readonly error: Problem };

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

/**
 * Predicts for each input; a bad one gets its problem in its place and the others are answered. A single bad input is the
 * whole request's failure. Throws `overloaded`, `unavailable` and `deadline-exceeded` as the prediction process does.
 */
export async function predict(
  predictor: Pick<PredictClient, 'predict'>,
  model: Model,
  inputs: readonly GivenInput[],
  top: number,
  signal: AbortSignal,
): Promise<PredictAnswer> {
  if (inputs.length === 0)
    throw new GraftError('request-invalid', 'There is nothing to predict for; send at least one input.');
  if (inputs.length > MAX_INPUTS) {
    throw new GraftError('too-large', `At most ${MAX_INPUTS} inputs are taken at once; these are ${inputs.length}.`);
  }
  const { preprocessing } = model;
  if (preprocessing === null)
    throw new GraftError(
      'request-invalid',
      'This version predicts for images; download the files of a model for texts.',
    );
  const errors = inputs.map((input) => whyNot(input));
  const images = inputs.flatMap((input, index) =>
    input.kind === 'image' && errors[index] === null ? [{ kind: input.kind, bytes: input.bytes }] : [],
  );
  const answer: PredictAnswer =
    images.length === 0
      ? { predictions: [], timing: { queueMs: 0, batch: 0, runMs: 0 } }
      : await predictor.predict(
          { model: { ...model, preprocessing, changedKey: changedKey(model) }, inputs: images, top },
          signal,
        );
  let next = 0;
  // The process numbers what it was given; a problem must name the input as the caller numbered it.
  const numbered = (one: Prediction, index: number): Prediction => {
    if (!('error' in one) || one.error.errors === undefined) return one;
    const errors = one.error.errors.map((item) => ({
      ...item,
      path: item.path.replace(/^\/inputs\/\d+/, `/inputs/${index}`),
    }));
    return { error: { ...one.error, errors } };
  };
  const predictions = errors.map((error, index) =>
    error === null ? numbered(answer.predictions[next++]!, index) : { error },
  );
  const only = predictions.length === 1 ? predictions[0] : undefined;
  if (only !== undefined && 'error' in only) {
    const { code, detail, errors: items } = only.error;
    throw new GraftError(code, detail, items === undefined ? {} : { errors: items });
  }
  return { ...answer, predictions };
}

function whyNot(input: GivenInput): Problem | null {
  if (input.kind === 'error') return input.error;
  if (input.kind === 'text') return problem('input-invalid', 'This model takes images, not text.');
  return input.bytes.byteLength === 0 ? problem('input-invalid', 'The image is empty.') : null;
}

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** Bytes of a base64 (or base64url) text, with or without a `data:` prefix. */
export function imageOfBase64(text: string): GivenInput {
  const at = text.startsWith('data:') ? text.indexOf(',') + 1 : 0;
  const plain = (at === 0 ? text : text.slice(at)).replace(/\s+/g, '');
  if (plain.length === 0 || !BASE64.test(plain) || plain.replace(/=+$/, '').length % 4 === 1) {
    const bad = /[^A-Za-z0-9+/_=-]/.exec(plain);
    const where = bad === null ? 'it ends in the middle of a byte' : `character ${bad.index + 1} is '${bad[0]}'`;
    return {
      kind: 'error',
      error: problem('input-invalid', `image.base64 is not base64: ${plain.length === 0 ? 'it is empty' : where}.`),
    };
  }
  return { kind: 'image', bytes: Buffer.from(plain, 'base64') };
}
