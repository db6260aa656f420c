import type { FastifyInstance, FastifyRequest } from 'fastify';
import { keyDigest } from '../api-keys.js';
import type { ApiKey, KeyRepository, Scope } from '../domain/ports.js';
import { SCOPES } from '../domain/ports.js';
import { GraftError } from '../errors.js';
import type { App, AppDeps, Caller } from './deps.js';
import { type FailedKeys, failedKeys } from './failed-keys.js';
import { hostName, isLoopbackAddress } from './loopback.js';

/** How long a key that was found is not asked for again: how long a revoked key may live in another process. */
const CACHE_MS = 5_000;
const CACHE_KEYS = 1_000;

export interface KeyCache {
  find(secret: string): Promise<ApiKey | null>;
  /** Whether it was a good key when it was last asked for. */
  knew(secret: string): boolean;
  forget(): void;
}

export function keyCache(keys: Pick<KeyRepository, 'byDigest'>): KeyCache {
  const cached = new Map<string, { key: ApiKey; until: number }>();
  const good = new Set<string>();
  return {
    knew: (secret) => good.has(keyDigest(secret)),
    async find(secret) {
      const digest = keyDigest(secret);
      const now = Date.now();
      const hit = cached.get(digest);
      if (hit !== undefined && hit.until > now) return alive(hit.key, now);
      cached.delete(digest);
      const key = await keys.byDigest(digest);
      good.delete(digest);
      if (key === null) return null;
      if (cached.size >= CACHE_KEYS) cached.clear();
      if (good.size >= CACHE_KEYS) good.clear();
      good.add(digest);
      cached.set(digest, { key, until: now + CACHE_MS });
      return alive(key, now);
    },
    forget: () => cached.clear(),
  };
}
function alive(key: ApiKey, now: number): ApiKey | null {
  return key.expiresAt !== null && key.expiresAt.getTime() <= now ? null : key;
}

const NOBODY: Caller = Object.freeze({ projectId: '', keyId: null, scopes: [] });

/** Every request passes here before its body is read; a route without a scope is refused. */
export function registerAuth(app: FastifyInstance, deps: AppDeps, cache: KeyCache): void {
  app.decorateRequest('caller', null as unknown as Caller);
  const failures = failedKeys();
  app.addHook('onRequest', async (request) => {
    request.caller = NOBODY;
    if (request.is404) return;
    const { scope } = request.routeOptions.config;
    if (scope === 'public') return;
    if (scope === undefined) throw new GraftError('internal', 'A route without a scope was asked.');
    const caller = await callerOf(request, deps, cache, failures);
    if (!may(caller, scope)) {
      throw new GraftError(
        'scope-missing',
        `This needs a key with scope '${scope}'; yours has ${caller.scopes.map((s) => `'${s}'`).join(', ') || 'none'}.`,
      );
    }
    request.caller = caller;
  });
}

/** `admin` may do everything; the other scopes stand each for themselves. */
export function may(caller: Pick<Caller, 'scopes'>, scope: Scope): boolean {
  return caller.scopes.includes(scope) || caller.scopes.includes('admin');
}

async function callerOf(
  request: FastifyRequest,
  deps: AppDeps,
  cache: KeyCache,
  failures: FailedKeys,
): Promise<Caller> {
  const { authorization } = request.headers;
  if (authorization === undefined) {
    if (!deps.config.openLoopback) {
      throw new GraftError('credentials-missing', 'Send an API key: `Authorization: Bearer grft_…`.');
    }
    const foreign = whyForeign(request);
    if (foreign !== null) {
      throw new GraftError(
        'credentials-missing',
        `Without a key only this machine itself is answered, and ${foreign}. Send \`Authorization: Bearer grft_…\`.`,
      );
    }
    return { projectId: deps.projectId, keyId: null, scopes: SCOPES };
  }
  const secret = /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
  const address = request.raw.socket.remoteAddress ?? '';
  // Keys that were good are asked for all the same: behind a proxy everyone has one address.
  const wait = secret === undefined || cache.knew(secret) ? null : failures.wait(address);
  if (wait !== null)
    throw new GraftError(
      'rate-limited',
      'Too many wrong API keys came from this address; no new key of it is looked up for a while.',
      { retryAfter: wait },
    );
  const key = secret === undefined ? null : await cache.find(secret);
  if (key === null) {
    if (secret !== undefined) failures.add(address);
    throw new GraftError(
      'credentials-invalid',
      secret === undefined
        ? 'The Authorization header must read `Bearer grft_…`.'
        : 'The API key is not known, was revoked, or has expired.',
    );
  }
  return { projectId: key.projectId, keyId: key.id, scopes: key.scopes };
}

/**
 * Why a request without a key may come from elsewhere: through a proxy, from a page of another site in this machine's
 * browser, or under a foreign name that was made to resolve to this machine (DNS rebinding). null: from here.
 */
function whyForeign(request: FastifyRequest): string | null {
  const { headers, raw } = request;
  if (!isLoopbackAddress(raw.socket.remoteAddress ?? '')) return 'the request comes from another one';
  const proxied = Object.keys(headers).find(
    (name) => name.startsWith('x-forwarded-') || name === 'forwarded' || name === 'via' || name === 'x-real-ip',
  );
  if (proxied !== undefined) return `the header ${proxied} says that it came through a proxy`;
  const host = headers.host ?? '';
  if (!isLoopbackAddress(hostName(host)))
    return `it was sent to '${host.slice(0, 100)}', which is no name of this machine's loopback`;
  const { origin } = headers;
  if (origin !== undefined && origin !== `http://${host}`) return `it comes from a page of '${origin.slice(0, 100)}'`;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return 'it comes from a page of another site';
  return null;
}

export type { App };
