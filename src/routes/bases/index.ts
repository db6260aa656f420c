import type { Static } from 'typebox';
import type { Base as BaseRecord } from '../../domain/types.js';
import { GraftError } from '../../errors.js';
import type { App, AppDeps } from '../../http/deps.js';
import { formDigest, once } from '../../http/idempotency.js';
import { listBody, problemOrNull, time } from '../../http/render.js';
import { answers, idempotencyHeaders, idParams, nothing, pageQuery, ref } from '../../http/schemas.js';
import { receiveForm } from '../../http/uploads.js';
import { newId } from '../../ids.js';
import { createBase, deleteBase, findBase, refuseTakenName, wrongBaseName } from '../../services/bases.js';
import { uploadKey } from '../../services/datasets.js';
import { preprocessingBody } from '../models/render.js';
import * as schema from './schema.js';

const tags = ['bases'];

export function baseBody(base: BaseRecord): Static<typeof schema.Base> {
  const { id, name, state, digest, bytes, facts, error, createdAt } = base;
  const tensors = (list: NonNullable<BaseRecord['facts']>['inputs'] | undefined) =>
    (list ?? []).map(({ name, type, shape }) => ({ name, type, shape: [...shape] }));
  const { preprocessing = null, training = null } = facts ?? {};
  return {
    ...{ object: 'base', id, name, state, digest, bytes },
    opset: facts?.opset ?? null,
    license: facts?.license ?? null,
    inputs: tensors(facts?.inputs),
    outputs: tensors(facts?.outputs),
    preprocessing: preprocessing === null ? null : preprocessingBody(preprocessing),
    preprocessingSource: facts?.preprocessingSource ?? null,
    cuts: (facts?.cuts ?? []).map(({ tensor, kind, features, default: first }) => ({
      tensor,
      kind,
      features,
      default: first,
    })),
    parameters: facts?.parameters ?? null,
    training: training === null ? null : { ...training, unsupportedOperators: [...training.unsupportedOperators] },
    tasks: [...(facts?.tasks ?? [])],
    notes: [...(facts?.notes ?? [])],
    error: problemOrNull(error),
    createdAt: time(createdAt),
  };
}

export function baseReads(app: App, deps: AppDeps): void {
  app.get(
    '/v1/bases',
    {
      schema: {
        operationId: 'listBases',
        summary: 'List bases',
        tags,
        querystring: pageQuery,
        response: answers({ 200: ref(schema.BaseList) }),
      },
    },
    async (request) => listBody(await deps.repositories.bases.list(request.caller.projectId, request.query), baseBody),
  );
  app.get(
    '/v1/bases/:id',
    {
      schema: {
        operationId: 'getBase',
        summary: 'Get a base by id, name or digest',
        tags,
        params: idParams,
        response: answers({ 200: ref(schema.Base) }, 404),
      },
    },
    async (request) => baseBody(await findBase(deps, request.caller.projectId, request.params.id)),
  );
}

export function baseWrites(app: App, deps: AppDeps): void {
  app.post(
    '/v1/bases',
    {
      schema: {
        operationId: 'createBase',
        summary: 'Upload a base',
        description:
          'The file is streamed to storage and then checked; poll the base until it is `ready` or `invalid`.',
        tags,
        headers: idempotencyHeaders,
        body: { content: { 'application/json': { schema: ref(schema.BaseFromElsewhere) } } },
        response: answers({ 201: ref(schema.Base) }, 409, 413, 415, 422, 507),
      },
      config: { bodies: { 'multipart/form-data': ref(schema.BaseUpload) } },
    },
    async (request, reply) => {
      if (!request.isMultipart()) throw unavailable(request.body as schema.BaseFromElsewhereBody);
      const id = newId('base');
      const { projectId } = request.caller;
      const store = deps.stores.artifacts;
      const target = { store, key: uploadKey(id), maxBytes: deps.config.maxUploadBytes };
      const { fields, file } = await receiveForm(request, target, { name: wrongBaseName });
      const name = fields.name ?? '';
      const discard = () => store.delete(file.key);
      const digest = formDigest(fields, file.digest);
      return once(deps, request, reply, { digest, discard }, async () => {
        try {
          await refuseTakenName(deps, projectId, name);
        } catch (error) {
          await discard();
          throw error;
        }
        const base = await createBase(deps, projectId, { id, name }, file);
        return { status: 201, location: `/v1/bases/${id}`, body: baseBody(base) };
      });
    },
  );
  app.delete(
    '/v1/bases/:id',
    {
      schema: {
        operationId: 'deleteBase',
        summary: 'Delete a base',
        tags,
        params: idParams,
        response: answers({ 204: nothing('Deleted') }, 404, 409),
      },
    },
    async (request, reply) => {
      await deleteBase(deps, request.caller.projectId, request.params.id);
      return reply.status(204).send(null);
    },
  );
}

function unavailable({ hub, model }: schema.BaseFromElsewhereBody): GraftError {
  const path = hub !== undefined ? '/hub' : model !== undefined ? '/model' : '';
  const detail =
    path === ''
      ? "Name 'hub' or 'model', or send the file as multipart/form-data."
      : `This version takes no base by '${path.slice(1)}'. Download the ONNX file and send it as multipart/form-data (name, file).`;
  const code = path === '' ? 'request-invalid' : 'base-invalid';
  return new GraftError(code, detail, { errors: [{ path, code: 'not-available', detail }] });
}
