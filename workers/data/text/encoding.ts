import { GraftError } from '../../../src/errors.js';

/** How the bytes of a file are to be read: UTF-16 as a whole; anything else piece by piece, see `textReader`. */
export type Wide = 'utf-16le' | 'utf-16be' | null;

/** UTF-16 by its byte order mark, or by NULs in every other byte, which text in other encodings does not have. */
export function wideEncoding(head: Uint8Array): Wide {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
  const pairs = Math.min(head.length, 4096) >> 1;
  if (pairs < 4) return null;
  let [first, second] = [0, 0];
  for (let i = 0; i < pairs; i++) {
    if (head[2 * i] === 0) first++;
    if (head[2 * i + 1] === 0) second++;
  }
  if (second > pairs * 0.4 && first < pairs * 0.1) return 'utf-16le';
  if (first > pairs * 0.4 && second < pairs * 0.1) return 'utf-16be';
  return null;
}

/** The stream as UTF-8 without a byte order mark, whatever `wide` it was in. Throws `dataset-invalid` where UTF-16 ends in the middle of a character. */
export async function* asUtf8(source: AsyncIterable<Uint8Array>, wide: Wide): AsyncGenerator<Buffer> {
  if (wide === null) {
    let start = true;
    for await (const chunk of source) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      yield start ? withoutMark(bytes) : bytes;
      start = false;
    }
    return;
  }
  const decoder = new TextDecoder(wide, { fatal: true });
  try {
    for await (const chunk of source) yield Buffer.from(decoder.decode(chunk, { stream: true }));
    yield Buffer.from(decoder.decode());
  } catch (cause) {
    throw new GraftError(
      'dataset-invalid',
      `The file begins as ${wide.toUpperCase()} but is not that throughout: ${(cause as Error).message}. Save it as UTF-8.`,
    );
  }
}

const MARK = Buffer.from([0xef, 0xbb, 0xbf]);
/** The beginning of a file without UTF-8's byte order mark. */
export const withoutMark = (bytes: Buffer): Buffer => (bytes.subarray(0, 3).equals(MARK) ? bytes.subarray(3) : bytes);

export interface TextReader {
  /** The text of some bytes: UTF-8, or where they are not that, Windows-1252, which has a character for every byte. */
  read(bytes: Uint8Array): string;
  /** Pieces with characters beyond ASCII, by how they were read. */
  readonly counts: { utf8: number; windows1252: number };
}

/**
 * Files put together from several sources hold both encodings, so it is told for every piece (a field, a line, a small
 * file) and not for the file. A piece in Windows-1252 that happens to be valid UTF-8 does not occur in practice.
 */
export function textReader(): TextReader {
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  const western = new TextDecoder('windows-1252');
  const counts = { utf8: 0, windows1252: 0 };
  return {
    counts,
    read(bytes) {
      if (isAscii(bytes)) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
      try {
        const text = utf8.decode(bytes);
        counts.utf8++;
        return text;
      } catch {
        counts.windows1252++;
        return western.decode(bytes);
      }
    },
  };
}

function isAscii(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if ((bytes[i] as number) > 0x7f) return false;
  return true;
}

/** For the report: what was found, in words. */
export function encodingWords(wide: Wide, { utf8, windows1252 }: TextReader['counts']): string {
  if (wide !== null) return wide.toUpperCase();
  if (windows1252 === 0) return utf8 === 0 ? 'ASCII' : 'UTF-8';
  return utf8 === 0 ? 'Windows-1252' : `UTF-8, ${windows1252} fields in Windows-1252`;
}
