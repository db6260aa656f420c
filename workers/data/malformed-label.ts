import { beginning, keepable } from '../../src/words.js';

/** Why a label cannot be one, whatever the data: Postgres does not keep it, nor a file of JSON everywhere. */
export function malformedLabel(label: string): { readonly code: string; readonly detail: string } | null {
  if (label === keepable(label)) return null;
  const detail = `The label '${beginning(label, 40)}' holds a NUL or half a character. Leave it out.`;
  return { code: 'label-malformed', detail };
}
