import { type CursorSource, decodeCursor } from '../db/cursor.js';

/** The number after which a log goes on; 0 at its start. `from` is how it was given. @throws GraftError `request-invalid`. */
export function afterSeq(cursor: string | undefined, from?: CursorSource): bigint {
  return cursor === undefined ? 0n : BigInt(decodeCursor(cursor, /^\d{1,18}$/, from));
}
