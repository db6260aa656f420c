import Fastify, { LogController } from 'fastify';
import { keyCache, registerAuth } from './http/auth.js';
import { JSON_LIMIT, registerBodies } from './http/bodies.js';
import { answerClientError } from './http/client-errors.js';
import type { App, AppDeps, Routes } from './http/deps.js';
import { type DocsPage, docsPage } from './http/docs/page.js';
import { registerMetrics } from './http/metrics.js';
import { registerOpenapi, specification, toYaml } from './http/openapi.js';
import { renderProblem } from './http/problems.js';
import { registerRateLimit } from './http/rate-limit.js';
import { type RegisteredRoute, routeTable, unanswered } from './http/route-table.js';
import { inScope } from './http/scopes.js';
import { validatorCompiler } from './http/validation.js';
import { newId } from './ids.js';
import { aliasReads, aliasWrites } from './routes/aliases/index.js';
import { baseReads, baseWrites } from './routes/bases/index.js';
import { datasetReads, datasetWrites } from './routes/datasets/index.js';
import { engineReads } from './routes/engines/index.js';
import { jobEventRoutes } from './routes/jobs/events.js';
import { jobReads, jobWrites } from './routes/jobs/index.js';
import { keyRoutes } from './routes/keys/index.js';
import { modelReads, modelWrites } from './routes/models/index.js';
import { predictRoutes } from './routes/models/predict.js';
import { metricsRoute, publicOperations } from './routes/operations/index.js';
import { namedSchemas } from './routes/schemas.js';
import { type ServedModels, servedModels } from './services/served-models.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route with the scope that protects it. */
    registeredRoutes(): readonly RegisteredRoute[];
    /** Once the app is ready. */
    openapiYaml(): string;
    docsPage(): DocsPage;
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
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: () => newId('req'),
    connectionTimeout: IDLE_MS,
    requestTimeout: LONGEST_REQUEST_MS,
    keepAliveTimeout: 65_000,
    http: { headersTimeout: HEADERS_MS },
    routerOptions: { maxParamLength: 256, ignoreTrailingSlash: true },
    bodyLimit: JSON_LIMIT,
    clientErrorHandler: answerClientError,
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

  // In this order: who asks comes before what is sent, and how often.
  const cache = keyCache(deps.repositories.keys);
  registerAuth(app, deps, cache);
  registerBodies(app);
  registerRateLimit(app, deps.config);
  const metrics = registerMetrics(app, deps);
  registerOpenapi(app);

  for (const schema of namedSchemas()) app.addSchema(schema);

  const document = lazily(() => specification(app));
  app.decorate(
    'openapiYaml',
    lazily(() => toYaml(document())),
  );
  app.decorate(
    'docsPage',
    lazily(() => docsPage(document() as never, { keys: !deps.config.openLoopback })),
  );

  const served = servedModels(deps.repositories);
  const serving =
    (routes: (app: App, deps: AppDeps, served: ServedModels) => void): Routes =>
    (app, deps) =>
      routes(app, deps, served);
  inScope(app, deps, 'public', [publicOperations]);
  inScope(app, deps, 'read', [
    datasetReads,
    baseReads,
    engineReads,
    jobReads,
    jobEventRoutes,
    modelReads,
    aliasReads,
    metricsRoute(metrics),
  ]);
  inScope(app, deps, 'write', [datasetWrites, baseWrites, jobWrites, serving(modelWrites), serving(aliasWrites)]);
  inScope(app, deps, 'predict', [serving(predictRoutes)]);
  inScope(app, deps, 'admin', [keyRoutes(cache)]);
  return app;
}

function lazily<T>(make: () => T): () => T {
  let made: { value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
