import { GraftError, type ProblemItem } from '../errors.js';

/** Checks a form field's text; returns what is wrong with it, in words, or null. */
export type FieldCheck = (value: string) => string | null;

/** What is wrong with one field of a form: unknown, given twice, or what its check says. */
export function wrongField(
  name: string,
  value: string,
  seen: Readonly<Record<string, string>>,
  checks: Readonly<Record<string, FieldCheck>>,
): ProblemItem[] {
  const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
  if (check === undefined) {
    return [
      {
        path: `/${name}`,
        code: 'field-unknown',
        detail: `is not known here; known are ${[...Object.keys(checks), 'file'].join(', ')}`,
      },
    ];
  }
  if (seen[name] !== undefined) return [{ path: `/${name}`, code: 'value-wrong', detail: 'is given twice' }];
  const wrong = check(value);
  return wrong === null ? [] : [{ path: `/${name}`, code: 'value-wrong', detail: wrong }];
}

/** @throws GraftError `request-invalid` naming every field, where there are any. */
export function refuseFields(errors: readonly ProblemItem[]): void {
  const first = errors[0];
  if (first !== undefined) {
    throw new GraftError(
      'request-invalid',
      `The form does not fit: ${errors.map((e) => `${e.path} ${e.detail}`).join('; ')}.`,
      { errors },
    );
  }
}
