/** An escape in JSON; of those, NUL and half a surrogate pair (a whole pair is not escaped) are named `refused`. */
const ESCAPE = /\\(?:(?<refused>u0000|ud[89a-f][0-9a-f]{2})|.)/g;

/**
 * JSON for a `jsonb` column. What quotes an upload or an engine holds what it pleases, in names of fields too, and a NUL or
 * half a surrogate pair would be refused by Postgres each time that the write is tried again: they become U+FFFD.
 */
export const keptJson = (value: unknown): string =>
  JSON.stringify(value).replace(ESCAPE, (written, refused: string | undefined) =>
    refused === undefined ? written : '\uFFFD',
  );
