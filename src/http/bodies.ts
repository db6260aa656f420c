import { createHash } from 'node:crypto';
import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { GraftError } from '../errors.js';
import { hasBody, takenBy, unsupportedType } from './problems.js';

export const JSON_LIMIT = 16 * 1024 * 1024;
/** A JSON body that is not whole by then is given up: it is small, so its sender is stuck or means harm. */
const JSON_DEADLINE_MS = 60_000;

/** Refuses a body of a type that the route does not take, before it is read. */
function checkType(request: FastifyRequest): void {
  const taken = takenBy(request);
  if (!hasBody(request)) {
    if (taken.length === 0 || request.routeOptions.config.bodyOptional) return;
    throw new GraftError('request-malformed', `The body is missing; send ${taken.join(', ')}.`);
  }
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type === 'application/json' && taken.length === 0) return;
  if (type === undefined || !taken.includes(type)) throw unsupportedType(request);
}

/** JSON is parsed strictly (no `__proto__`), with the digest of its bytes kept where an Idempotency-Key needs it. */
export function registerBodies(app: FastifyInstance): void {
  app.decorateRequest('bodyDigest', null);
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  // Forms and raw bodies stay streams until a handler reads them.
  app.register(multipart, { throwFileSizeLimit: false });
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  app.addHook('onRequest', async (request) => {
    if (!request.is404) checkType(request);
  });
  app.addHook('preParsing', async (request, _reply, payload) => {
    if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) return payload;
    const timer = setTimeout(() => {
      request.raw.destroy(
        new GraftError('upload-incomplete', `The body did not arrive within ${JSON_DEADLINE_MS / 1000} s.`),
      );
    }, JSON_DEADLINE_MS);
    const done = () => clearTimeout(timer);
    request.raw.once('end', done).once('close', done);
    return payload;
  });
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (request.headers['idempotency-key'] !== undefined) {
      request.bodyDigest = createHash('sha256').update(body).digest('hex');
    }
    const taken = (request.routeOptions.schema as { body?: unknown } | undefined)?.body !== undefined;
    if (body.length === 0) {
      const needed = taken && !request.routeOptions.config.bodyOptional;
      done(needed ? new GraftError('request-malformed', 'The body is empty; JSON was announced.') : null, undefined);
      return;
    }
    // The strict parser answers through its callback at once.
    void parse(request, body as string, (error, value) => {
      if (error !== null) done(malformed(body as string), undefined);
      else if (!taken && JSON.stringify(value) !== '{}') done(unasked(), undefined);
      else done(null, taken ? value : undefined);
    });
  });
}

function unasked(): GraftError {
  return new GraftError('request-invalid', 'This request takes no fields; send no body.', {
    errors: [{ path: '', code: 'field-unknown', detail: 'no body is taken here' }],
  });
}

/** With the position of the mistake, which the strict parser keeps to itself. */
function malformed(text: string): GraftError {
  try {
    JSON.parse(text);
    return new GraftError(
      'request-malformed',
      "The body has a field named '__proto__' or 'constructor', which is refused.",
    );
  } catch (error) {
    return new GraftError('request-malformed', `The body is not JSON: ${(error as Error).message}.`);
  }
}
