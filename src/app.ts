import Fastify from 'fastify';
import { keyCache, registerAuth } from './http/auth.js';
import { registerBodies } from './http/bodies.js';
import type { App, AppDeps } from './http/deps.js';
import { registerOpenapi } from './http/openapi.js';
import { renderProblem } from './http/problems.js';
import { type RegisteredRoute, routeTable, unanswered } from './http/route-table.js';
import { inScope } from './http/scopes.js';
import { validatorCompiler } from './http/validation.js';
import { newId } from './ids.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route with the scope that protects it. */
    registeredRoutes(): readonly RegisteredRoute[];
  }
}

/** Headers must be whole by then; bodies may take hours, but a connection on which nothing moves is closed. */
const HEADERS_MS = 15_000;
const IDLE_MS = 120_000;
const LONGEST_REQUEST_MS = 6 * 3600 * 1000;

/** The service as a function of what it stands on. Never listens. */
export function buildApp(deps: AppDeps): App {
  const app = Fastify({
    loggerInstance: deps.log,
    disableRequestLogging: true,
    requestIdLogLabel: 'requestId',
    genReqId: () => newId('req'),
    connectionTimeout: IDLE_MS,
    requestTimeout: LONGEST_REQUEST_MS,
    keepAliveTimeout: 65_000,
    http: { headersTimeout: HEADERS_MS },
    routerOptions: { maxParamLength: 256, ignoreTrailingSlash: true },
    // What a client gets for bytes that are no HTTP.
    frameworkErrors: (error, request, reply) => renderProblem(error, request, reply),
  }) as unknown as App;

  const table = routeTable(app);
  app.decorate('registeredRoutes', table.routes);
  app.setValidatorCompiler(validatorCompiler(() => app.getSchemas()));
  // Answers are rendered by typed functions; a serializer that silently drops fields would hide mistakes.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.setErrorHandler(renderProblem);
  app.setNotFoundHandler((request, reply) => {
    const allowed = table.allowed(request.url);
    if (allowed.length > 0) reply.header('allow', allowed.join(', '));
    renderProblem(unanswered(request, allowed), request, reply);
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  app.addHook('onResponse', async (request, reply) => {
    const { url } = request.routeOptions;
    const line = {
      method: request.method,
      url: request.url,
      route: url,
      status: reply.statusCode,
      ms: reply.elapsedTime,
      keyId: request.caller?.keyId,
    };
    if (reply.statusCode >= 400 || request.method !== 'GET') request.log.info(line, 'answered');
    else request.log.debug(line, 'answered');
  });

  registerBodies(app);
  const cache = keyCache(deps.repositories.keys);
  registerAuth(app, deps, cache);
  registerOpenapi(app);

  inScope(app, deps, 'public', []);
  return app;
}
