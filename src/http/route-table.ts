import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import type { Scope } from '../domain/ports.js';
import { GraftError } from '../errors.js';

export interface RegisteredRoute {
  readonly method: string;
  readonly url: string;
  readonly scope: Scope | 'public';
}

/** Remembers every route, for 405, for the check that each has a scope, and for tests that go over all of them. */
export function routeTable(app: FastifyInstance): {
  routes(): readonly RegisteredRoute[];
  allowed(url: string): readonly string[];
} {
  const seen: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    seen.push(route);
  });
  // Denied by default: a route registered outside of a context with a scope keeps the app from starting.
  app.addHook('onReady', async () => {
    const bare = seen.filter((route) => route.config?.scope === undefined);
    if (bare.length > 0) {
      throw new Error(`Routes without a scope: ${bare.map((route) => `${route.method} ${route.url}`).join(', ')}.`);
    }
  });
  const routes = () =>
    seen.flatMap((route) =>
      [route.method].flat().map((method) => ({ method, url: route.url, scope: route.config?.scope ?? 'admin' })),
    );
  let patterns: { pattern: RegExp; method: string }[] | null = null;
  return {
    routes,
    allowed(url) {
      const path = url.split('?', 1)[0] ?? '';
      patterns ??= routes().map((route) => ({
        method: route.method,
        pattern: new RegExp(`^${route.url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:[A-Za-z]+/g, '[^/]+')}$`),
      }));
      return [...new Set(patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))];
    },
  };
}

/** What is thrown for an address that no route answers: 405 where another method would be answered. */
export function unanswered(request: FastifyRequest, allowed: readonly string[]): GraftError {
  const path = request.url.split('?', 1)[0]?.slice(0, 200);
  if (allowed.length === 0) {
    return new GraftError('not-found', `There is nothing at ${path}; /docs lists the addresses.`);
  }
  return new GraftError('method-not-allowed', `${path} takes ${allowed.join(', ')}, not ${request.method}.`);
}
