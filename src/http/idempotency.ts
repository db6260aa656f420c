import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GraftError } from '../errors.js';
import type { AppDeps } from './deps.js';

export interface Answer<B> {
  readonly status: number;
  readonly location?: string;
  readonly body: B;
}
export interface OnceOptions<B> {
  /** Digest of what was sent: of a JSON body's bytes, or of a form's fields and file once they are in. */
  readonly digest: string;
  /** Undoes what receiving the request left behind, where the request turns out to be a repeated one. */
  readonly discard?: () => Promise<void>;
  /** What is kept for a replay, where that may not be all of the body (secrets). */
  readonly kept?: (body: B) => B;
}

/**
 * Creates at most once per `Idempotency-Key`. The fingerprint is method, path and digest of the body; streamed files are
 * therefore received before the key is looked at, and dropped when the answer exists already. Failures free the key.
 */
export async function once<B>(
  deps: Pick<AppDeps, 'repositories'>,
  request: FastifyRequest,
  reply: FastifyReply,
  options: OnceOptions<B>,
  create: () => Promise<Answer<B>>,
): Promise<B> {
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string') return send(reply, await create());
  const { projectId } = request.caller;
  const { idempotency } = deps.repositories;
  const path = request.url.split('?', 1)[0];
  const fingerprint = createHash('sha256').update(`${request.method} ${path}\n${options.digest}`).digest('hex');
  const begun = await idempotency.begin(projectId, key, fingerprint);
  if (begun.kind !== 'fresh') await options.discard?.();
  switch (begun.kind) {
    case 'conflict':
      throw new GraftError(
        'idempotency-conflict',
        'This Idempotency-Key came with another request before. Use a new one.',
      );
    case 'busy':
      throw new GraftError(
        'idempotency-in-progress',
        'The first request with this Idempotency-Key is still being answered.',
        { retryAfter: 1 },
      );
    case 'replay':
      reply.header('idempotency-replayed', 'true').headers(begun.answer.headers);
      return send(reply, { status: begun.answer.status, body: JSON.parse(begun.answer.body) as B });
    default:
  }
  let answer: Answer<B>;
  try {
    answer = await create();
  } catch (error) {
    await idempotency
      .release(projectId, key)
      .catch((cause: unknown) => request.log.warn({ err: cause }, 'key not freed'));
    throw error;
  }
  const kept = options.kept?.(answer.body) ?? answer.body;
  await idempotency
    .finish(projectId, key, {
      status: answer.status,
      headers: answer.location === undefined ? {} : { location: answer.location },
      body: JSON.stringify(kept),
    })
    .catch((cause: unknown) => request.log.warn({ err: cause }, 'answer not kept'));
  return send(reply, answer);
}

function send<B>(reply: FastifyReply, { status, location, body }: Answer<B>): B {
  reply.status(status);
  if (location !== undefined) reply.header('location', location);
  return body;
}

/** Digest of a form: its fields in order of their names, and the digest of its file. */
export function formDigest(fields: Readonly<Record<string, string>>, fileDigest: string): string {
  const sorted = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([sorted, fileDigest]))
    .digest('hex');
}
