import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../config.js';
import { GraftError } from '../errors.js';

/** Over how long a key's requests are counted: bursts within it are welcome, and who is refused waits no longer. */
const WINDOW_MS = 10_000;

/**
 * Counts the requests of every API key in this process, and refuses those beyond the limit with `rate-limited` and
 * `Retry-After`; `RateLimit-*` headers tell how many are left. Public routes, and this machine itself where it needs no
 * key, are never refused. Must be registered before the routes; runs once the caller is known.
 */
export function registerRateLimit(
  app: FastifyInstance,
  { requestsPerSecond }: Pick<Config, 'requestsPerSecond'>,
): void {
  if (requestsPerSecond === 0) return;
  app.register(rateLimit, {
    max: (requestsPerSecond * WINDOW_MS) / 1000,
    timeWindow: WINDOW_MS,
    enableDraftSpec: true,
    keyGenerator: ({ caller }) => caller.keyId ?? '',
    allowList: ({ caller }) => caller.keyId === null,
    errorResponseBuilder: (_request, { ttl }) =>
      new GraftError(
        'rate-limited',
        `This key may make ${requestsPerSecond} requests a second, counted over ${WINDOW_MS / 1000} s. The operator sets the limit (GRAFT_REQUESTS_PER_SECOND).`,
        { retryAfter: ttl / 1000 },
      ),
  });
}
