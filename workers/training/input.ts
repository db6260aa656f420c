import type { Model, Preprocessing } from '../../src/domain/types.js';
import { GraftError } from '../../src/errors.js';
import type { RunInput } from './messages.js';

/** How pictures are prepared. Throws `job-impossible` where the examples are none. */
export function pictureInput(input: RunInput): Preprocessing {
  if (input.kind === 'image') return input.preprocessing;
  throw new GraftError('job-impossible', 'The examples are texts, where pictures are needed.');
}

/** The same as a model's record says it. */
export function inputFields(input: RunInput): Pick<Model, 'preprocessing' | 'text'> {
  return input.kind === 'image'
    ? { preprocessing: input.preprocessing, text: null }
    : { preprocessing: null, text: input.text };
}
