import type { StoredProblem } from '../../errors.js';

/** How often a check was begun, this time included, and how often it failed for another reason than the content. */
export interface CheckTries {
  readonly started: number;
  readonly failed: number;
}
/** `failed`: counted, by no fault of the content, and told as why it waits. `interrupted`: as if it had not begun. */
export type CheckEnd = 'interrupted' | { readonly failed: StoredProblem };
