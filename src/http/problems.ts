import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { GraftError, toProblem } from '../errors.js';
import { brokenText } from './broken-text.js';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';
/** How long the rest of a refused body is read. */
const DISCARD_MS = 5_000;

/** Media types a route takes. */
export function takenBy(request: FastifyRequest): readonly string[] {
  const { config, schema } = request.routeOptions;
  const body = (schema as { body?: { content?: object } } | undefined)?.body;
  const json = body === undefined ? [] : Object.keys(body.content ?? { 'application/json': body });
  return [...json, ...Object.keys(config.bodies ?? {})];
}
export function unsupportedType(request: FastifyRequest): GraftError {
  const given = request.headers['content-type'];
  const taken = takenBy(request);
  const what = given === undefined ? 'There is no Content-Type' : `'${given.slice(0, 100)}' is not taken here`;
  return new GraftError(
    'media-type-unsupported',
    `${what}; ${taken.length === 0 ? 'send no body' : `send ${taken.join(', ')}`}.`,
  );
}
/** Whether the request brings a body, by its headers. */
export function hasBody(request: FastifyRequest): boolean {
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
}

/** Fastify's own errors in the words of the catalogue; everything else as it is. */
function known(error: FastifyError, request: FastifyRequest): unknown {
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return unsupportedType(request);
    case 'FST_ERR_CTP_BODY_TOO_LARGE': {
      const length = request.headers['content-length'];
      return new GraftError(
        'too-large',
        `The body may have ${request.routeOptions.bodyLimit} bytes${length === undefined ? '' : `; it has ${length}`}.`,
      );
    }
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new GraftError('upload-incomplete', 'The body has not as many bytes as Content-Length says.');
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new GraftError('request-malformed', 'The address cannot be decoded.');
    default:
      if (error.statusCode === 400) return new GraftError('request-malformed', error.message, { cause: error });
      return error;
  }
}

/** Codes of Postgres, of its driver and of Prisma that mean: it does not answer now. */
const DATABASE_AWAY = new Set([
  '57P01',
  '57P02',
  '57P03',
  '08000',
  '08003',
  '08006',
  '53300',
  // Cancelled by its time limit, or by an operator.
  '57014',
  'P1001',
  'P1002',
  'P1017',
  'P2024',
]);
const CONNECTION_LOST = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'ENOENT',
  'EPIPE',
  'EAI_AGAIN',
  'ENOTFOUND',
]);
const WORDS_OF_LOSS =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)|Query read timeout/;

/** Whether the database went away: its connection's own errors carry `syscall`, which file errors share but for these codes. */
function databaseAway(error: unknown): boolean {
  const {
    code = '',
    message = '',
    syscall = '',
  } = (error ?? {}) as { code?: string; message?: string; syscall?: string };
  if (DATABASE_AWAY.has(code) || WORDS_OF_LOSS.test(message)) return true;
  return CONNECTION_LOST.has(code) && ['connect', 'read', 'write', 'getaddrinfo'].includes(syscall);
}

const AWAY = 'The database does not answer. Try again in a few seconds.';
const FULL = 'The disk that holds the database is full. Make space, and try again.';

/** Failures of the database that pass by themselves, or once somebody looks after it; null for others. */
function databaseTrouble(error: unknown): GraftError | null {
  if ((error as { code?: unknown } | null)?.code === '53100')
    return new GraftError('unavailable', FULL, { retryAfter: 30, cause: error });
  return databaseAway(error) ? new GraftError('unavailable', AWAY, { retryAfter: 2, cause: error }) : null;
}

/** SQLSTATEs of texts that Postgres cannot keep: a NUL in a text and in JSON, and JSON that is none, as with half a surrogate pair. */
const NUL_REFUSED = new Set(['22021', '22P05']);
const JSON_REFUSED = '22P02';

/** The request's fault where a text of it is none: looked for only once Postgres has refused it, as bodies may be large. */
function unkeepable(error: unknown, { body }: FastifyRequest): GraftError | null {
  const { code = '', message = '' } = (error ?? {}) as { code?: string; message?: string };
  const state = /Code: `(\w{5})`/.exec(message)?.[1] ?? code; // In Prisma's words, or by itself.
  if (!NUL_REFUSED.has(state) && state !== JSON_REFUSED) return null;
  const found = brokenText(body) ?? (NUL_REFUSED.has(state) ? { path: '', what: 'a NUL (U+0000)' } : null);
  if (found === null) return null;
  const { path, what } = found;
  return new GraftError('request-invalid', `A text of the request holds ${what}, which cannot be kept. Leave it out.`, {
    cause: error,
    ...(path !== '' && { errors: [{ path, code: 'value-wrong', detail: `holds ${what}` }] }),
  });
}

/** Renders every failure; what is not of the catalogue is logged and answered without its words. */
export function renderProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error =
    thrown instanceof GraftError
      ? thrown
      : (databaseTrouble(thrown) ?? unkeepable(thrown, request) ?? known(thrown as FastifyError, request));
  const found = toProblem(error);
  // What is known to pass by itself (too busy, a part restarting) is told without its stack.
  if (found.status === 503) request.log.warn({ code: found.code, detail: found.detail }, 'request refused');
  else if (found.status >= 500) request.log.error({ err: thrown, code: found.code }, 'request failed');
  if (error instanceof GraftError) {
    const { retryAfter } = error.options;
    const wait = retryAfter ?? (found.status === 503 || found.status === 429 ? 1 : undefined);
    if (wait !== undefined) reply.header('retry-after', String(Math.max(1, Math.ceil(wait))));
    if (found.status === 401) reply.header('www-authenticate', 'Bearer realm="graft"');
  }
  discardRest(request);
  const body = { ...found, instance: request.url.split('?', 1)[0], requestId: request.id };
  reply.status(found.status).header('content-type', PROBLEM_TYPE).send(JSON.stringify(body));
}

/**
 * A refused upload: the rest is read and thrown away for a while, since a connection that is closed under a sending client
 * resets, and the client may lose the answer. After that it is cut.
 */
function discardRest(request: FastifyRequest): void {
  const { raw } = request;
  if (!hasBody(request) || raw.complete || raw.destroyed) return;
  const timer = setTimeout(() => raw.socket.destroy(), DISCARD_MS);
  raw.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
  raw.resume();
}

export function notFound(what: string, id: string): GraftError {
  return new GraftError('not-found', `There is no ${what} '${id.slice(0, 100)}'.`);
}
