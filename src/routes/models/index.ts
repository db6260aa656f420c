import { Readable } from 'node:stream';
import type { App, AppDeps } from '../../http/deps.js';
import { notFound } from '../../http/problems.js';
import { listBody } from '../../http/render.js';
import { answers, idParams, nothing, pageQuery, ref } from '../../http/schemas.js';
import { evaluationAt } from '../../services/evaluation-at.js';
import { findFile, openFile } from '../../services/model-files.js';
import { findModel } from '../../services/predict.js';
import type { ServedModels } from '../../services/served-models.js';
import { evaluationBody, evaluationExampleBody, fileBody, modelBody } from './render.js';
import * as schema from './schema.js';

const tags = ['models'];

export function modelReads(app: App, deps: AppDeps): void {
  const { models } = deps.repositories;
  app.get(
    '/v1/models',
    {
      schema: {
        operationId: 'listModels',
        summary: 'List models',
        tags,
        querystring: pageQuery,
        response: answers({ 200: ref(schema.ModelList) }),
      },
    },
    async (request) => {
      const page = await models.list(request.caller.projectId, request.query);
      const lineages = await models.lineages(page.data.map(({ id }) => id));
      return listBody(page, (model) => modelBody(model, lineages.get(model.id) ?? []));
    },
  );
  app.get(
    '/v1/models/:id',
    {
      schema: {
        operationId: 'getModel',
        summary: 'Get a model by id or alias',
        tags,
        params: idParams,
        response: answers({ 200: ref(schema.Model) }, 404),
      },
    },
    async (request) => {
      const model = await findModel(deps, request.caller.projectId, request.params.id);
      return modelBody(model, (await models.lineages([model.id])).get(model.id) ?? []);
    },
  );
  app.get(
    '/v1/models/:id/evaluation',
    {
      schema: {
        operationId: 'getModelEvaluation',
        summary: 'How well it predicts',
        tags,
        params: idParams,
        querystring: schema.precisionQuery,
        response: answers({ 200: ref(schema.Evaluation) }, 404),
      },
    },
    async (request) => {
      const model = await findModel(deps, request.caller.projectId, request.params.id);
      const { precision } = request.query;
      const found = precision === undefined ? models.evaluation(model.id) : evaluationAt(models, model, precision);
      return evaluationBody(model.id, await found);
    },
  );
  app.get(
    '/v1/models/:id/evaluation/examples',
    {
      schema: {
        operationId: 'listModelEvaluationExamples',
        summary: 'What it predicted for each example it was measured on',
        description: 'The mistakes it was surest of: `wrong=true&order=confidence`.',
        tags,
        params: idParams,
        querystring: schema.evaluationQuery,
        response: answers({ 200: ref(schema.EvaluationExampleList) }, 404),
      },
    },
    async (request) => {
      const { id } = await findModel(deps, request.caller.projectId, request.params.id);
      const { limit, after, ...filter } = request.query;
      const page = { limit, ...(after === undefined ? {} : { after }) };
      return listBody(await models.evaluationExamples(id, filter, page), evaluationExampleBody);
    },
  );
  app.get(
    '/v1/models/:id/files',
    {
      schema: {
        operationId: 'listModelFiles',
        summary: 'List the files of a model',
        tags,
        params: idParams,
        response: answers({ 200: ref(schema.ModelFileList) }, 404),
      },
    },
    async (request) => {
      const { files } = await findModel(deps, request.caller.projectId, request.params.id);
      return listBody({ data: files, nextCursor: null }, fileBody);
    },
  );
  app.get(
    '/v1/models/:id/files/:name',
    {
      schema: {
        operationId: 'downloadModelFile',
        summary: 'Download a file of a model',
        tags,
        params: schema.fileParams,
        response: answers({ 200: schema.FileContent, 304: nothing('You have it already') }, 404),
      },
    },
    async (request, reply) => {
      const model = await findModel(deps, request.caller.projectId, request.params.id);
      const file = findFile(model, request.params.name);
      const etag = `"${file.digest}"`;
      const known = request.headers['if-none-match']?.split(/\s*,\s*/).includes(etag);
      // Opened before any header is set, so that a failure is answered without them.
      const content = known || request.method === 'HEAD' ? null : await openFile(deps, model, file);
      reply.header('etag', etag).header('cache-control', 'private, no-cache');
      if (known) return reply.status(304).send('' as never);
      const digest = Buffer.from(file.digest.slice('sha256:'.length), 'hex').toString('base64');
      reply
        .header('content-type', file.contentType)
        .header('content-length', file.bytes)
        .header('content-disposition', `attachment; filename="${file.name.replace(/[^A-Za-z0-9._-]/g, '_')}"`)
        .header('repr-digest', `sha-256=:${digest}:`);
      return reply.send(Readable.from(content ?? [], { objectMode: false }));
    },
  );
}

export function modelWrites(app: App, deps: AppDeps, served: ServedModels): void {
  app.delete(
    '/v1/models/:id',
    {
      schema: {
        operationId: 'deleteModel',
        summary: 'Delete a model',
        description:
          'By id; an alias is refused. Its aliases go with it. Refused with `in-use` while bases stand that were made from it; `errors` lists them. No prediction is answered from then on; by other processes of the API, from a second later.',
        tags,
        params: idParams,
        response: answers({ 204: nothing('Deleted') }, 404, 409),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (!(await deps.repositories.models.delete(request.caller.projectId, id))) throw notFound('model', id);
      served.forget();
      return reply.status(204).send(null);
    },
  );
}
