import { GraftError } from '../../errors.js';
import type { App, AppDeps } from '../../http/deps.js';
import { notFound } from '../../http/problems.js';
import { listBody, time } from '../../http/render.js';
import { answers, nothing, ref } from '../../http/schemas.js';
import type { ServedModels } from '../../services/served-models.js';
import * as schema from './schema.js';

const tags = ['aliases'];

function aliasBody({ name, modelId, createdAt }: { name: string; modelId: string; createdAt: Date }) {
  return { object: 'alias' as const, id: name, name, model: modelId, createdAt: time(createdAt) };
}
async function findAlias(deps: AppDeps, projectId: string, name: string) {
  const found = (await deps.repositories.models.aliases(projectId)).find((alias) => alias.name === name);
  if (found === undefined) throw notFound('alias', name);
  return found;
}

export function aliasReads(app: App, deps: AppDeps): void {
  app.get(
    '/v1/aliases',
    {
      schema: {
        operationId: 'listAliases',
        summary: 'List aliases',
        tags,
        response: answers({ 200: ref(schema.AliasList) }),
      },
    },
    async (request) =>
      listBody({ data: await deps.repositories.models.aliases(request.caller.projectId), nextCursor: null }, aliasBody),
  );
  app.get(
    '/v1/aliases/:name',
    {
      schema: {
        operationId: 'getAlias',
        summary: 'Get an alias',
        tags,
        params: schema.aliasParams,
        response: answers({ 200: ref(schema.Alias) }, 404),
      },
    },
    async (request) => aliasBody(await findAlias(deps, request.caller.projectId, request.params.name)),
  );
}

export function aliasWrites(app: App, deps: AppDeps, served: ServedModels): void {
  const { models } = deps.repositories;
  app.put(
    '/v1/aliases/:name',
    {
      schema: {
        operationId: 'putAlias',
        summary: 'Point an alias at a model',
        description: 'Predictions follow at once; through other processes of the API, within a second.',
        tags,
        params: schema.aliasParams,
        body: ref(schema.AliasRequest),
        response: answers({ 200: ref(schema.Alias) }, 404, 413, 415, 422),
      },
    },
    async (request) => {
      const { projectId } = request.caller;
      const model = await models.find(projectId, request.body.model);
      if (model === null) {
        const detail = `There is no model '${request.body.model}'.`;
        throw new GraftError('not-found', detail, { errors: [{ path: '/model', code: 'not-found', detail }] });
      }
      await models.setAlias(projectId, request.params.name, model.id);
      served.forget();
      return aliasBody(await findAlias(deps, projectId, request.params.name));
    },
  );
  app.delete(
    '/v1/aliases/:name',
    {
      schema: {
        operationId: 'deleteAlias',
        summary: 'Delete an alias',
        tags,
        params: schema.aliasParams,
        response: answers({ 204: nothing('Deleted') }, 404),
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      if (!(await models.deleteAlias(request.caller.projectId, name))) throw notFound('alias', name);
      served.forget();
      return reply.status(204).send(null);
    },
  );
}
