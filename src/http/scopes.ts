import type { Scope } from '../domain/ports.js';
import type { App, AppDeps, Routes } from './deps.js';

/** A context of its own for routes that need `scope`: being registered in it is what protects them. */
export function inScope(app: App, deps: AppDeps, scope: Scope | 'public', routes: readonly Routes[]): void {
  app.register(async (context) => {
    context.addHook('onRoute', (route) => {
      route.config = { ...route.config, scope };
      if (scope !== 'public') route.schema = { ...route.schema, security: [{ apiKey: [scope] }] };
    });
    for (const add of routes) add(context as App, deps);
  });
}
