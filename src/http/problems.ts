import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { GraftError, problem, toProblem } from '../errors.js';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** Media types a route takes, for the words of a 415. */
export function takenBy(request: FastifyRequest): readonly string[] {
  const { config, schema } = request.routeOptions;
  const json = (schema as { body?: unknown } | undefined)?.body !== undefined ? ['application/json'] : [];
  return [...json, ...Object.keys(config.bodies ?? {})];
}

/** Fastify's own errors in the words of the catalogue; everything else as it is. */
function known(error: FastifyError, request: FastifyRequest): unknown {
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE': {
      const given = request.headers['content-type'];
      const taken = takenBy(request);
      return new GraftError(
        'media-type-unsupported',
        `${given === undefined ? 'There is no Content-Type' : `'${given.slice(0, 100)}' is not taken here`}; ${taken.length === 0 ? 'send no body' : `send ${taken.join(', ')}`}.`,
      );
    }
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new GraftError(
        'too-large',
        `The body may have ${request.routeOptions.bodyLimit} bytes${request.headers['content-length'] === undefined ? '' : `; it has ${request.headers['content-length']}`}.`,
      );
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

/** Renders every failure; what is not of the catalogue is logged and answered without its words. */
export function renderProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error = thrown instanceof GraftError ? thrown : known(thrown as FastifyError, request);
  const found = toProblem(error);
  if (found.status >= 500) request.log.error({ err: thrown, code: found.code }, 'request failed');
  if (error instanceof GraftError) {
    const { retryAfter } = error.options;
    const wait = retryAfter ?? (found.status === 503 || found.status === 429 ? 1 : undefined);
    if (wait !== undefined) reply.header('retry-after', String(Math.max(1, Math.ceil(wait))));
    if (found.status === 401) reply.header('www-authenticate', 'Bearer realm="graft"');
  }
  const body = { ...found, instance: request.url.split('?', 1)[0], requestId: request.id };
  // An upload that is refused halfway: the rest is not read, so the connection cannot be used again.
  if (!request.raw.complete && request.raw.readableLength >= 0 && hasBody(request)) reply.header('connection', 'close');
  reply.status(found.status).header('content-type', PROBLEM_TYPE).send(JSON.stringify(body));
}

function hasBody(request: FastifyRequest): boolean {
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
}

export function notFound(what: string, id: string): GraftError {
  return new GraftError('not-found', `There is no ${what} '${id.slice(0, 100)}'.`);
}
export { problem };
