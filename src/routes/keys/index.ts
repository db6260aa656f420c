import type { Static } from 'typebox';
import { freshKey } from '../../api-keys.js';
import type { ApiKey } from '../../domain/ports.js';
import { GraftError } from '../../errors.js';
import type { KeyCache } from '../../http/auth.js';
import type { App, AppDeps } from '../../http/deps.js';
import { once } from '../../http/idempotency.js';
import { notFound } from '../../http/problems.js';
import { listBody, time, timeOrNull } from '../../http/render.js';
import { answers, idempotencyHeaders, idParams, nothing, pageQuery, ref } from '../../http/schemas.js';
import { newId } from '../../ids.js';
import * as schema from './schema.js';

const tags = ['keys'];

function keyBody({ id, name, scopes, prefix, createdAt, lastUsedAt, expiresAt }: ApiKey): Static<typeof schema.Key> {
  return {
    ...{ object: 'key', id, name, scopes: [...scopes], prefix },
    createdAt: time(createdAt),
    lastUsedAt: timeOrNull(lastUsedAt),
    expiresAt: timeOrNull(expiresAt),
  };
}

export function keyRoutes(cache: KeyCache) {
  return (app: App, deps: AppDeps): void => {
    const { keys } = deps.repositories;
    app.get(
      '/v1/keys',
      {
        schema: {
          operationId: 'listKeys',
          summary: 'List API keys',
          tags,
          querystring: pageQuery,
          response: answers({ 200: ref(schema.KeyList) }),
        },
      },
      async (request) => listBody(await keys.list(request.caller.projectId, request.query), keyBody),
    );
    app.post(
      '/v1/keys',
      {
        schema: {
          operationId: 'createKey',
          summary: 'Make an API key',
          tags,
          headers: idempotencyHeaders,
          body: ref(schema.KeyRequest),
          response: answers({ 201: ref(schema.NewKey) }, 409, 413, 415),
        },
      },
      async (request, reply) => {
        const { name, scopes, expiresAt } = request.body;
        const until = expiresAt == null ? null : new Date(expiresAt);
        if (until !== null && until.getTime() <= Date.now()) {
          throw new GraftError('request-invalid', 'The key would have expired already.', {
            errors: [{ path: '/expiresAt', code: 'value-wrong', detail: 'must be in the future' }],
          });
        }
        const kept = (body: Static<typeof schema.NewKey>) => ({ ...body, secret: null });
        return once(deps, request, reply, { digest: request.bodyDigest ?? '', kept }, async () => {
          const { secret, digest, prefix } = freshKey();
          const { projectId } = request.caller;
          const key = await keys.create({
            id: newId('key'),
            projectId,
            name,
            scopes,
            digest,
            prefix,
            expiresAt: until,
          });
          return {
            status: 201,
            location: `/v1/keys/${key.id}`,
            body: { ...keyBody(key), secret: secret as string | null },
          };
        });
      },
    );
    app.delete(
      '/v1/keys/:id',
      {
        schema: {
          operationId: 'deleteKey',
          summary: 'Revoke an API key',
          tags,
          params: idParams,
          response: answers({ 204: nothing('Revoked') }, 404),
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        if (!(await keys.revoke(request.caller.projectId, id))) throw notFound('key', id);
        cache.forget();
        return reply.status(204).send(null);
      },
    );
  };
}
