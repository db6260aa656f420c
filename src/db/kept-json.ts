import { keepable } from '../words.js';

/**
 * JSON for a `jsonb` column of what quotes an upload: its texts hold what they please, and a NUL or half a surrogate pair
 * would be refused by Postgres each time that the check is tried again.
 */
export const keptJson = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) => (typeof part === 'string' ? keepable(part) : part));
