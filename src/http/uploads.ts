import type { Readable } from 'node:stream';
import type { MultipartFile } from '@fastify/multipart';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GraftError, type ProblemItem } from '../errors.js';
import type { BlobInfo, BlobStore } from '../storage/blob.js';

export const FIELD_LIMIT = 64 * 1024;
/** What the framing of a multipart body may add to its file. */
const FRAMING = 64 * 1024;

/** Checks a form field's text; returns what is wrong with it, in words, or null. */
export type FieldCheck = (value: string) => string | null;
export interface ReceivedFile extends BlobInfo {
  readonly name: string;
  readonly mediaType: string;
}
export interface ReceivedForm {
  readonly fields: Readonly<Record<string, string>>;
  readonly file: ReceivedFile;
}

/** Aborts when the client goes away before its request is whole. */
export function disconnected(request: FastifyRequest): AbortSignal {
  const gone = new AbortController();
  request.raw.once('close', () => {
    if (!request.raw.complete) gone.abort(cutOff());
  });
  return gone.signal;
}
/** Aborts when the client goes away before it has its answer. */
export function unwanted(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort(cutOff());
  });
  return gone.signal;
}
function cutOff(cause?: unknown): GraftError {
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
async function drained(request: FastifyRequest): Promise<void> {
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
function tooLarge(limit: number, announced?: number): GraftError {
  const given = announced === undefined ? '' : `; this is ${announced}`;
  return new GraftError(
    'too-large',
    `At most ${limit} bytes are taken${given}. The operator sets the limit (GRAFT_MAX_UPLOAD_MB).`,
  );
}

/**
 * Streams the one file of a form into the store while fields may stand before or after it. What is already known to be
 * wrong ends it before the file is read; whatever goes wrong later, nothing is left in the store.
 */
export async function receiveForm(
  request: FastifyRequest,
  target: { store: BlobStore; key: string; maxBytes: number },
  checks: Readonly<Record<string, FieldCheck>>,
): Promise<ReceivedForm> {
  const signal = disconnected(request);
  const fields: Record<string, string> = {};
  let file: ReceivedFile | null = null;
  try {
    refuseTooLarge(request, target.maxBytes);
    for await (const part of request.parts({
      limits: { fileSize: Number.MAX_SAFE_INTEGER, fieldSize: FIELD_LIMIT, fields: 50, files: 2, parts: 60 },
    })) {
      if (part.type === 'field') {
        refuseFields(wrongField(part.fieldname, String(part.value), fields, checks));
        fields[part.fieldname] = String(part.value);
      } else if (part.fieldname !== 'file' || file !== null) {
        part.file.destroy();
        refuseFields([
          {
            path: `/${part.fieldname}`,
            code: 'field-unknown',
            detail:
              file === null
                ? "is not known here; the archive is the part named 'file'"
                : 'is a second file; one is taken',
          },
        ]);
      } else {
        file = await storePart(part, target, signal);
      }
    }
    const missing = [...Object.keys(checks), ...(file === null ? ['file'] : [])].filter((name) =>
      name !== 'file' ? fields[name] === undefined : true,
    );
    refuseFields(missing.map((name) => ({ path: `/${name}`, code: 'field-missing', detail: 'is missing' })));
    if (!request.raw.complete) throw cutOff();
    return { fields, file: file as ReceivedFile };
  } catch (error) {
    if (file !== null) await target.store.delete(target.key);
    await drained(request);
    throw formError(error);
  }
}

async function storePart(
  part: MultipartFile,
  target: { store: BlobStore; key: string; maxBytes: number },
  signal: AbortSignal,
): Promise<ReceivedFile> {
  try {
    const info = await target.store.put(target.key, part.file, { maxBytes: target.maxBytes, signal });
    return { ...info, name: part.filename ?? '', mediaType: part.mimetype };
  } catch (error) {
    // The form's parser waits for its file to be read; without this the rest of the request would hang.
    part.file.destroy();
    if (error instanceof GraftError && error.code === 'too-large') throw tooLarge(target.maxBytes);
    throw error;
  }
}

/** Streams a raw body into the store. */
export async function receiveRaw(
  request: FastifyRequest,
  target: { store: BlobStore; key: string; maxBytes: number },
): Promise<BlobInfo> {
  const signal = disconnected(request);
  try {
    refuseTooLarge(request, target.maxBytes);
    const expectedDigest = announcedDigest(request.headers);
    const info = await target.store.put(target.key, request.body as Readable, {
      maxBytes: target.maxBytes,
      signal,
      ...(expectedDigest === null ? {} : { expectedDigest }),
    });
    if (info.bytes === 0) {
      await target.store.delete(target.key);
      throw new GraftError('request-malformed', 'The body is empty; send the archive as the body.');
    }
    return info;
  } catch (error) {
    await drained(request);
    if (error instanceof GraftError && error.code === 'too-large') throw tooLarge(target.maxBytes);
    throw formError(error);
  }
}

/** `sha256:<hex>` from `Repr-Digest` or `Content-Digest` (RFC 9530); null where none is sent. */
export function announcedDigest(headers: Readonly<Record<string, string | string[] | undefined>>): string | null {
  const name = headers['repr-digest'] !== undefined ? 'repr-digest' : 'content-digest';
  const value = headers[name];
  if (value === undefined) return null;
  const encoded = /(?:^|[,\s])sha-256=:([A-Za-z0-9+/]{43}=):/.exec([value].flat().join(','))?.[1];
  if (encoded === undefined) {
    throw new GraftError('request-invalid', `The header ${name} must read \`sha-256=:<base64 of the 32 bytes>:\`.`, {
      errors: [{ path: name, code: 'digest-unreadable', detail: 'sha-256 is the algorithm that is checked here' }],
    });
  }
  return `sha256:${Buffer.from(encoded, 'base64').toString('hex')}`;
}

function wrongField(
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

/** The parser's own errors in the words of the catalogue. */
function formError(error: unknown): unknown {
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
