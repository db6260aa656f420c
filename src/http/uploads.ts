import type { Readable } from 'node:stream';
import type { MultipartFile } from '@fastify/multipart';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GraftError } from '../errors.js';
import type { BlobInfo, BlobStore } from '../storage/blob.js';
import { announcedDigest } from './content-digest.js';
import { type FieldCheck, refuseFields, wrongField } from './form-fields.js';
import { cutOff, drained, formError, refuseTooLarge, tooLarge } from './upload-failures.js';

const FIELD_LIMIT = 64 * 1024;

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
/**
 * Streams the one file of a form into the store while fields may stand before or after it. What is already known to be
 * wrong ends it before the file is read; whatever goes wrong later, nothing is left in the store. Fields in `checks` must
 * be there, those in `optional` may.
 */
export async function receiveForm(
  request: FastifyRequest,
  target: { store: BlobStore; key: string; maxBytes: number },
  checks: Readonly<Record<string, FieldCheck>>,
  optional: Readonly<Record<string, FieldCheck>> = {},
): Promise<ReceivedForm> {
  const known = { ...checks, ...optional };
  const signal = disconnected(request);
  const fields: Record<string, string> = {};
  let file: ReceivedFile | null = null;
  try {
    refuseTooLarge(request, target.maxBytes);
    for await (const part of request.parts({
      limits: { fileSize: Number.MAX_SAFE_INTEGER, fieldSize: FIELD_LIMIT, fields: 50, files: 2, parts: 60 },
    })) {
      if (part.type === 'field') {
        refuseFields(wrongField(part.fieldname, String(part.value), fields, known));
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
