import { Type } from 'typebox';
import { problem } from '../../errors.js';
import type { App, AppDeps } from '../../http/deps.js';
import type { Metrics } from '../../http/metrics.js';
import { PROBLEM_TYPE } from '../../http/problems.js';
import { answers, nothing, open, Problem, ref, words } from '../../http/schemas.js';

const tags = ['operations'];
const CHECK_MS = 3_000;

export const Health = open({ status: Type.Literal('ok') }, { $id: 'Health' });
export const Readiness = open(
  {
    status: Type.Literal('ready'),
    checks: Type.Unsafe<Record<string, 'up'>>({ type: 'object', additionalProperties: words(['up']) }),
  },
  { $id: 'Readiness' },
);

async function failures(checks: AppDeps['checks']): Promise<{ part: string; why: string }[]> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([part, check]) => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer within ${CHECK_MS / 1000} s`)), CHECK_MS);
      });
      try {
        await Promise.race([check(), late]);
        return null;
      } catch (error) {
        return { part, why: error instanceof Error && error.message !== '' ? error.message : String(error) };
      } finally {
        clearTimeout(timer);
      }
    }),
  );
  return results.filter((result) => result !== null);
}

export function publicOperations(app: App, deps: AppDeps): void {
  app.get(
    '/healthz',
    {
      schema: { operationId: 'getHealth', summary: 'Whether the process lives', tags, response: { 200: ref(Health) } },
    },
    async () => ({ status: 'ok' as const }),
  );
  app.get(
    '/readyz',
    {
      schema: {
        operationId: 'getReadiness',
        summary: 'Whether all parts are up; 503 names those that are not',
        tags,
        response: {
          200: ref(Readiness),
          503: {
            description: 'A part is down',
            content: { 'application/problem+json': { schema: ref(Problem) } },
          } as never,
        },
      },
    },
    async (request, reply) => {
      const down = await failures(deps.checks);
      if (down.length === 0) {
        return {
          status: 'ready' as const,
          checks: Object.fromEntries(Object.keys(deps.checks).map((part) => [part, 'up' as const])),
        };
      }
      const errors = down.map(({ part, why }) => ({ path: part, code: 'unavailable', detail: why }));
      const detail = `Not ready: ${down.map(({ part }) => part).join(', ')}.`;
      const body = { ...problem('unavailable', detail, errors), instance: '/readyz', requestId: request.id };
      return reply
        .status(503)
        .header('retry-after', '1')
        .header('content-type', PROBLEM_TYPE)
        .send(JSON.stringify(body) as never);
    },
  );
  app.get(
    '/openapi.yaml',
    {
      schema: {
        operationId: 'getOpenapi',
        summary: 'This description',
        tags,
        response: { 200: TEXT('application/yaml') },
      },
    },
    async (_request, reply) => reply.header('content-type', 'application/yaml; charset=utf-8').send(app.openapiYaml()),
  );
  app.get(
    '/docs',
    {
      schema: {
        operationId: 'getDocs',
        summary: 'The reference as a page',
        tags,
        response: { 200: TEXT('text/html') },
      },
    },
    async (_request, reply) => {
      const { html, policy } = app.docsPage();
      return reply
        .header('content-type', 'text/html; charset=utf-8')
        .header('content-security-policy', policy)
        .send(html);
    },
  );
  app.get(
    '/',
    { schema: { hide: true, response: { 302: nothing('To /docs') } } },
    async (_request, reply) => reply.redirect('/docs', 302) as never,
  );
}

function TEXT(type: string) {
  return Type.Unsafe<unknown>({ description: 'The text', content: { [type]: { schema: { type: 'string' } } } });
}

/** Metrics need `read`, unless asked for from this machine in the open default. */
export function metricsRoute(metrics: Metrics) {
  return (app: App, _deps: AppDeps): void => {
    app.get(
      '/metrics',
      {
        schema: {
          operationId: 'getMetrics',
          summary: 'Prometheus metrics',
          tags,
          response: answers({ 200: TEXT('text/plain') }),
        },
      },
      async (_request, reply) => reply.header('content-type', metrics.contentType).send(await metrics.text()),
    );
  };
}
