import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import type { Base as BaseRecord, LineageLink } from '../../domain/types.js';
import { GraftError } from '../../errors.js';
import type { App, AppDeps } from '../../http/deps.js';
import { formDigest, once } from '../../http/idempotency.js';
import { listBody, problemOrNull, time } from '../../http/render.js';
import { answers, idempotencyHeaders, idParams, nothing, pageQuery, ref } from '../../http/schemas.js';
import { receiveForm } from '../../http/uploads.js';
import { newId } from '../../ids.js';
import {
  createBase,
  createBaseFrom,
  deleteBase,
  findBase,
  refuseTakenName,
  wrongBaseName,
} from '../../services/bases.js';
import { uploadKey } from '../../services/datasets.js';
import { createBaseFromHub } from '../../services/hub-bases.js';
import { lineageBody, preprocessingBody, textBody } from '../models/render.js';
import * as schema from './schema.js';

const tags = ['bases'];

export function baseBody(base: BaseRecord, lineage: readonly LineageLink[]): Static<typeof schema.Base> {
  const { id, name, state, digest, bytes, facts, source, progress, error, waiting, createdAt } = base;
  const tensors = (list: NonNullable<BaseRecord['facts']>['inputs'] | undefined) =>
    (list ?? []).map(({ name, type, shape }) => ({ name, type, shape: [...shape] }));
  const { preprocessing = null, training = null } = facts ?? {};
  return {
    ...{ object: 'base', id, name, state, digest, bytes },
    opset: facts?.opset ?? null,
    license: facts?.license ?? null,
    inputs: tensors(facts?.inputs),
    outputs: tensors(facts?.outputs),
    preprocessing: preprocessingBody(preprocessing),
    preprocessingSource: facts?.preprocessingSource ?? null,
    text: textBody(facts?.text ?? null),
    cuts: (facts?.cuts ?? []).map(({ tensor, kind, features, default: first }) => ({
      tensor,
      kind,
      features,
      default: first,
    })),
    parameters: facts?.parameters ?? null,
    training: training === null ? null : { ...training, unsupportedOperators: [...training.unsupportedOperators] },
    tasks: [...(facts?.tasks ?? [])],
    lineage: lineageBody(lineage),
    source: source === null ? null : { hub: source.hub, revision: source.revision, commit: source.commit },
    progress: progress === null ? null : { ...progress },
    notes: [...(facts?.notes ?? [])],
    error: problemOrNull(error),
    waiting: problemOrNull(waiting),
    createdAt: time(createdAt),
  };
}

async function withLineage(deps: AppDeps, bases: readonly BaseRecord[]): Promise<Static<typeof schema.Base>[]> {
  const made = await deps.repositories.models.lineages(bases.flatMap(({ modelId }) => modelId ?? []));
  return bases.map((base) => baseBody(base, made.get(base.modelId ?? '') ?? []));
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
    async (request) => {
      const page = await deps.repositories.bases.list(request.caller.projectId, request.query);
      const bodies = await withLineage(deps, page.data);
      return listBody({ ...page, data: bodies }, (body) => body);
    },
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
    async (request) => {
      const [body] = await withLineage(deps, [await findBase(deps, request.caller.projectId, request.params.id)]);
      return body!;
    },
  );
}

export function baseWrites(app: App, deps: AppDeps): void {
  app.post(
    '/v1/bases',
    {
      schema: {
        operationId: 'createBase',
        summary: 'Add a base: upload it, fetch it from a model hub, or make it from a model',
        description:
          'A file (`multipart/form-data`) is streamed to storage and then checked; a repository of a model hub (JSON, `hub`) is fetched by a worker, a model of this service (JSON, `model`) is there already, and both are checked the same way. Poll the base until it is `ready` or `invalid`.',
        tags,
        headers: idempotencyHeaders,
        body: { content: { 'application/json': { schema: ref(schema.BaseFromElsewhere) } } },
        response: answers({ 201: ref(schema.Base) }, 404, 409, 413, 415, 422, 507),
      },
      config: { bodies: { 'multipart/form-data': ref(schema.BaseUpload) } },
    },
    async (request, reply) => {
      if (!request.isMultipart()) return fromElsewhere(deps, request, reply);
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
        return { status: 201, location: `/v1/bases/${id}`, body: baseBody(base, []) };
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

async function fromElsewhere(deps: AppDeps, request: FastifyRequest, reply: FastifyReply) {
  const create = creator(request.body as schema.BaseFromElsewhereBody);
  return once(deps, request, reply, { digest: request.bodyDigest ?? '' }, async () => {
    const base = await create(deps, request.caller.projectId);
    const [body] = await withLineage(deps, [base]);
    return { status: 201, location: `/v1/bases/${base.id}`, body: body! };
  });
}

/** Throws unless a model or a hub is named, and nothing that does not go with it. */
function creator({ hub, revision, model, name }: schema.BaseFromElsewhereBody) {
  const refusal = (path: string, detail: string) =>
    new GraftError('request-invalid', detail, { errors: [{ path, code: 'not-available', detail }] });
  const named = name === undefined ? {} : { name };
  const at = revision === undefined ? {} : { revision };
  if (hub !== undefined && model === undefined)
    return (deps: AppDeps, projectId: string) => createBaseFromHub(deps, projectId, { hub, ...at, ...named });
  if (hub !== undefined || model === undefined)
    throw refusal('', "Name either 'model' or 'hub', or send the file as multipart/form-data.");
  if (revision !== undefined) throw refusal('/revision', "A base made from a model takes no 'revision'; leave it out.");
  return (deps: AppDeps, projectId: string) => createBaseFrom(deps, projectId, { model, ...named });
}
