import type { Hyperparameters, TextInput } from '../../src/domain/types.js';
import { choices } from './choices.js';

export type LongText = 'truncate' | 'windows';

/** From this share of long texts on, what is cut off is not the odd exception that a classifier does without. */
const MANY = 0.1;
/** Share of a window that the next one has too, so that what stands at a border is read whole in one of them. */
const OVERLAP = 1 / 8;
/** Windows of one text: beyond, reading on costs more than it tells. */
const MOST_WINDOWS = 32;

/** Windows for a base that reads `limit` tokens. */
export const windowsFor = (limit: number): NonNullable<TextInput['windows']> => ({
  overlap: Math.floor(limit * OVERLAP),
  most: MOST_WINDOWS,
});

/** What is done with texts longer than `limit`: as the user said, or what fits these texts, and why. */
export function chosenLongText(
  given: Hyperparameters['longText'],
  { texts, long, limit }: { readonly texts: number; readonly long: number; readonly limit: number },
) {
  const notes = choices();
  const share = `${long} of ${texts} texts (${((100 * long) / texts).toFixed(1)} %) are longer than the ${limit} tokens that the base reads`;
  const many = long / texts > MANY;
  const why = many
    ? `${share}; windows read them whole, each taking as long as a text of ${limit} tokens`
    : `${long === 0 ? `no text is longer than the ${limit} tokens that the base reads` : `${share}: too few to pay for windows`}`;
  const longText = notes.pick<LongText>('longText', given, many ? 'windows' : 'truncate', why);
  return { longText, chosen: notes.chosen() };
}
