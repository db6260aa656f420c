import type { Model } from '../domain/types.js';
import { GraftError, type Problem, problem } from '../errors.js';
import { loneSurrogate } from '../words.js';
import { MAX_IMAGES, MAX_TEXTS, type PredictInput } from './predict-protocol.js';

/** An input as it was sent; `error` where it could not even be unpacked. */
export type GivenInput =
  | { readonly kind: 'image'; readonly bytes: Uint8Array }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'error'; readonly error: Problem };

/** Far more than any base reads; what is beyond would only cost time. */
const MAX_TEXT_BYTES = 1024 * 1024;

/** Throws `request-invalid` where there is none, and `too-large` where there are too many for a model of its kind. */
export function refuseCount(model: Pick<Model, 'text'>, inputs: readonly GivenInput[]): void {
  if (inputs.length === 0)
    throw new GraftError('request-invalid', 'There is nothing to predict for; send at least one input.');
  const [most, what] = model.text === null ? [MAX_IMAGES, 'images'] : [MAX_TEXTS, 'texts'];
  if (inputs.length > most)
    throw new GraftError('too-large', `At most ${most} ${what} are taken at once; these are ${inputs.length}.`);
}

/** The input as the prediction process takes it, or why this model cannot take it. */
export function preparedInput(model: Pick<Model, 'text'>, input: GivenInput): PredictInput | Problem {
  if (input.kind === 'error') return input.error;
  if (input.kind === 'text')
    return model.text === null
      ? problem('input-invalid', 'This model takes images, not text.')
      : preparedText(input.text);
  if (model.text !== null)
    return problem('input-invalid', 'This model takes texts, not images: send JSON {"inputs": [{"text": "…"}]}.');
  return input.bytes.byteLength === 0 ? problem('input-invalid', 'The image is empty.') : input;
}

function preparedText(text: string): PredictInput | Problem {
  if (text.trim() === '')
    return problem('input-invalid', text === '' ? 'The text is empty.' : 'The text is nothing but spaces.');
  const nul = text.indexOf('\0');
  if (nul >= 0)
    return problem(
      'input-invalid',
      `Character ${nul + 1} of the text is NUL (U+0000), which no text has. Leave it out.`,
    );
  const lone = loneSurrogate(text);
  if (lone >= 0)
    return problem(
      'input-invalid',
      `Character ${lone + 1} of the text is half of a surrogate pair: the text was cut in the middle of a character.`,
    );
  const bytes = Buffer.from(text);
  if (bytes.length > MAX_TEXT_BYTES)
    return problem(
      'input-invalid',
      `The text has ${bytes.length} bytes; at most ${MAX_TEXT_BYTES} are taken. Shorten it.`,
    );
  return { kind: 'text', bytes };
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
