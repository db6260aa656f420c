import type { Page } from '../domain/ports.js';
import type { StoredProblem } from '../errors.js';

/** How records of the domain look on the wire. */
export function listBody<T, R>(page: Page<T>, render: (item: T) => R) {
  return {
    object: 'list' as const,
    data: page.data.map(render),
    hasMore: page.nextCursor !== null,
    nextCursor: page.nextCursor,
  };
}
export function time(date: Date): string {
  return date.toISOString();
}
export function timeOrNull(date: Date | null): string | null {
  return date === null ? null : date.toISOString();
}
/** Copies the problem so that lists may be written to. */
export function problemOrNull(problem: StoredProblem | null) {
  if (problem === null) return null;
  const { errors, ...rest } = problem;
  return { ...rest, ...(errors === undefined ? {} : { errors: [...errors] }) };
}
