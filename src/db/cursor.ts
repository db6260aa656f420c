import type { Page, PageRequest } from '../domain/ports.js';
import { GraftError } from '../errors.js';

/** Cursors are opaque to clients: base64url of the last id or number that was shown. */
export function encodeCursor(value: string | number | bigint): string {
  return Buffer.from(String(value)).toString('base64url');
}

/** How a cursor is given: in the query, or by the client of an event stream that connects again. */
export type CursorSource = 'after' | 'Last-Event-ID';
const WHERE_FROM: Readonly<Record<CursorSource, { readonly path: string; readonly take: string }>> = {
  after: { path: '/after', take: 'take `nextCursor` from the page before' },
  'Last-Event-ID': { path: 'Last-Event-ID', take: 'send the `id` of the last event received, or leave it out' },
};

/** @throws GraftError `request-invalid` when this is no cursor of ours. */
export function decodeCursor(cursor: string, pattern: RegExp, from: CursorSource = 'after'): string {
  const value = Buffer.from(cursor, 'base64url').toString('utf8');
  if (!pattern.test(value) || encodeCursor(value) !== cursor) {
    const { path, take } = WHERE_FROM[from];
    const detail = `'${cursor.slice(0, 80)}' was not given out by this list.`;
    throw new GraftError('request-invalid', `'${from}' is not a cursor of this list; ${take}.`, {
      errors: [{ path, code: 'cursor-invalid', detail }],
    });
  }
  return value;
}

const ID = /^[a-z]+_[0-9a-z]{26}$/;
const NUMBER = /^\d{1,18}$/;

/** The id below which a list that is newest first goes on; null at its start. */
export function afterId(page: PageRequest): string | null {
  return page.after === undefined ? null : decodeCursor(page.after, ID);
}
/** The number above which an ascending list goes on. */
export function afterNumber(page: PageRequest): number {
  return page.after === undefined ? -1 : Number(decodeCursor(page.after, NUMBER));
}

/** From `limit + 1` rows to a page of `limit`: the extra row only says that there is more. */
export function pageOf<R, T>(
  rows: readonly R[],
  limit: number,
  cursorOf: (row: R) => string | number,
  map: (row: R) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    data: shown.map(map),
    nextCursor: rows.length > limit && last !== undefined ? encodeCursor(cursorOf(last)) : null,
  };
}
