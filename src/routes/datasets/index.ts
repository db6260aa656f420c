import { namedColumns } from '../../domain/columns.js';
import type { Task } from '../../domain/types.js';
import type { App, AppDeps } from '../../http/deps.js';
import { formDigest, once } from '../../http/idempotency.js';
import { listBody } from '../../http/render.js';
import { answers, idempotencyHeaders, idParams, nothing, pageQuery, ref } from '../../http/schemas.js';
import { receiveForm, receiveRaw } from '../../http/uploads.js';
import { newId } from '../../ids.js';
import {
  addRevision,
  createDataset,
  deleteDataset,
  findDataset,
  reportedRevision,
  storeExamples,
  uploadKey,
} from '../../services/datasets.js';
import { COLUMN_CHECKS, FIELDS, refuseColumns } from './fields.js';
import { datasetBody, exampleBody, reportBody } from './render.js';
import * as schema from './schema.js';

const tags = ['datasets'];
/** A digest in the header is of the content, so a wrong one is found before anything is shown. */
const UPLOAD_FAILURES = [404, 409, 413, 415, 422, 507] as const;

export function datasetReads(app: App, deps: AppDeps): void {
  const { datasets } = deps.repositories;
  app.get(
    '/v1/datasets',
    {
      schema: {
        operationId: 'listDatasets',
        summary: 'List datasets',
        tags,
        querystring: pageQuery,
        response: answers({ 200: ref(schema.DatasetList) }),
      },
    },
    async (request) => listBody(await datasets.list(request.caller.projectId, request.query), datasetBody),
  );
  app.get(
    '/v1/datasets/:id',
    {
      schema: {
        operationId: 'getDataset',
        summary: 'Get a dataset',
        tags,
        params: idParams,
        response: answers({ 200: ref(schema.Dataset) }, 404),
      },
    },
    async (request) => datasetBody(await findDataset(deps, request.caller.projectId, request.params.id)),
  );
  app.get(
    '/v1/datasets/:id/report',
    {
      schema: {
        operationId: 'getDatasetReport',
        summary: 'What checking found out',
        tags,
        params: idParams,
        response: answers({ 200: ref(schema.DatasetReport) }, 404, 409),
      },
    },
    async (request) => reportBody(await reportedRevision(deps, request.caller.projectId, request.params.id)),
  );
  app.get(
    '/v1/datasets/:id/examples',
    {
      schema: {
        operationId: 'listDatasetExamples',
        summary: 'List examples, in the order of the archive',
        tags,
        params: idParams,
        querystring: schema.exampleQuery,
        response: answers({ 200: ref(schema.ExampleList) }, 404),
      },
    },
    async (request) => {
      const { id, revision } = await findDataset(deps, request.caller.projectId, request.params.id);
      const { limit, after, label, split, problem } = request.query;
      const filter = {
        ...(label === undefined ? {} : { label }),
        ...(split === undefined ? {} : { split }),
        ...(problem === undefined
          ? {}
          : { problem: problem === 'true' ? true : problem === 'false' ? false : problem }),
      };
      const page = { limit, ...(after === undefined ? {} : { after }) };
      return listBody(await datasets.listExamples(id, revision?.number ?? 0, filter, page), exampleBody);
    },
  );
}

export function datasetWrites(app: App, deps: AppDeps): void {
  const target = (id: string) => ({
    store: deps.stores.datasets,
    key: uploadKey(id),
    maxBytes: deps.config.maxUploadBytes,
  });
  app.post(
    '/v1/datasets',
    {
      schema: {
        operationId: 'createDataset',
        summary: 'Upload a dataset',
        description:
          'The archive is streamed to storage and then checked; poll the dataset until it is `ready` or `invalid`.',
        tags,
        headers: idempotencyHeaders,
        body: { content: { 'application/json': { schema: ref(schema.DatasetFromExamples) } } },
        response: answers({ 201: ref(schema.Dataset) }, ...UPLOAD_FAILURES),
      },
      config: { bodies: { 'multipart/form-data': ref(schema.DatasetUpload) } },
    },
    async (request, reply) => {
      const id = newId('ds');
      const { projectId } = request.caller;
      const given = request.isMultipart() ? await fromForm() : await fromJson();
      return once(deps, request, reply, given, async () => {
        const dataset = await createDataset(deps, projectId, { id, ...given.named }, given.upload);
        return { status: 201, location: `/v1/datasets/${id}`, body: datasetBody(dataset) };
      });

      async function fromForm() {
        const { fields, file } = await receiveForm(request, target(id), FIELDS, COLUMN_CHECKS);
        const discard = () => deps.stores.datasets.delete(file.key);
        const task = fields.task as Task;
        try {
          refuseColumns(task, fields);
        } catch (error) {
          await discard();
          throw error;
        }
        return {
          named: { name: fields.name ?? '', task },
          digest: formDigest(fields, file.digest),
          upload: { blob: file, mediaType: file.mediaType, columns: namedColumns(fields) },
          discard,
        };
      }
      async function fromJson() {
        const { name, task, examples } = request.body as schema.DatasetFromExamplesBody;
        const upload = await storeExamples(deps, id, examples);
        return {
          named: { name, task },
          digest: request.bodyDigest ?? '',
          upload,
          discard: () => deps.stores.datasets.delete(upload.blob.key),
        };
      }
    },
  );
  app.put(
    '/v1/datasets/:id/content',
    {
      schema: {
        operationId: 'replaceDatasetContent',
        summary: 'Upload a new revision',
        description:
          'The raw archive as the body. `Repr-Digest: sha-256=:<base64>:` is checked where it is sent. Columns that the query names take the place of all that were named before; where it names none, those stay.',
        tags,
        params: idParams,
        querystring: schema.columnQuery,
        response: answers({ 202: ref(schema.Dataset) }, ...UPLOAD_FAILURES),
      },
      config: { bodies: schema.ARCHIVE_TYPES },
    },
    async (request, reply) => {
      const { id, task } = await findDataset(deps, request.caller.projectId, request.params.id);
      refuseColumns(task, request.query);
      const blob = await receiveRaw(request, target(id));
      const mediaType = request.headers['content-type'] ?? 'application/octet-stream';
      const upload = { blob, mediaType, columns: namedColumns(request.query) };
      reply.status(202);
      return datasetBody(await addRevision(deps, request.caller.projectId, id, upload));
    },
  );
  app.delete(
    '/v1/datasets/:id',
    {
      schema: {
        operationId: 'deleteDataset',
        summary: 'Delete a dataset',
        tags,
        params: idParams,
        response: answers({ 204: nothing('Deleted') }, 404, 409),
      },
    },
    async (request, reply) => {
      await deleteDataset(deps, request.caller.projectId, request.params.id);
      return reply.status(204).send(null);
    },
  );
}
