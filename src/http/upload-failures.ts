import type { FastifyRequest } from 'fastify';
import { GraftError } from '../errors.js';

/** What the framing of a multipart body may add to its file. */
const FRAMING = 64 * 1024;

export function cutOff(cause?: unknown): GraftError {
  return new GraftError(
    'upload-incomplete',
    'The upload ended before its last byte; nothing of it was kept. Send it again.',
    { cause },
  );
}

/** How much of a refused body is read to its end, and how long that may take in milliseconds. */
const DRAIN_BYTES = 64 * 1024 * 1024;
const DRAIN_MS = 5_000;

/**
 * Reads and forgets the rest of a refused body. A client that is still sending when the connection closes gets a reset
 * instead of the answer that says what is wrong (RFC 9112, section 9.6); only a very large rest is worth that.
 */
export async function drained(request: FastifyRequest): Promise<void> {
  const { raw } = request;
  if (raw.complete || raw.destroyed || Number(raw.headers['content-length'] ?? 0) > DRAIN_BYTES) return;
  await new Promise<void>((done) => {
    let bytes = 0;
    const timer = setTimeout(done, DRAIN_MS);
    raw.unpipe();
    raw.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > DRAIN_BYTES) done();
    });
    for (const event of ['end', 'close', 'error'] as const) raw.once(event, () => done());
    raw.resume();
    raw.once('close', () => clearTimeout(timer));
    timer.unref();
  });
}

/** Refuses by Content-Length, before a byte is read. */
export function refuseTooLarge(request: FastifyRequest, limit: number): void {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > limit + FRAMING) throw tooLarge(limit, announced);
}

export function tooLarge(limit: number, announced?: number): GraftError {
  const given = announced === undefined ? '' : `; this is ${announced}`;
  return new GraftError(
    'too-large',
    `At most ${limit} bytes are taken${given}. The operator sets the limit (GRAFT_MAX_UPLOAD_MB).`,
  );
}

/** The parser's own errors in the words of the catalogue. */
export function formError(error: unknown): unknown {
  if (error instanceof GraftError) return error;
  const { code, message } = error as { code?: string; message?: string };
  switch (code) {
    case 'FST_FILES_LIMIT':
    case 'FST_PARTS_LIMIT':
    case 'FST_FIELDS_LIMIT':
      return new GraftError('request-invalid', 'The form has too many parts; one file and a few fields are taken.');
    case 'FST_PROTO_VIOLATION':
      return new GraftError('request-invalid', 'The form has a field whose name is refused.');
    case 'ECONNRESET':
    case 'ERR_STREAM_PREMATURE_CLOSE':
    case 'FST_MP_PREMATURE_CLOSE':
      return cutOff(error);
    default:
      if (/Unexpected end|terminated early|premature|aborted/i.test(message ?? '')) return cutOff(error);
      if (/boundary|[Mm]alformed|header/.test(message ?? '') && code === undefined) {
        return new GraftError('request-malformed', `The form cannot be read: ${message}.`);
      }
      return error;
  }
}
