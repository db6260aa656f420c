import type { JobAction } from '../../domain/lifecycle.js';
import { afterSeq } from '../../http/cursors.js';
import type { App, AppDeps } from '../../http/deps.js';
import { once } from '../../http/idempotency.js';
import { listBody } from '../../http/render.js';
import { answers, idempotencyHeaders, idParams, nullable, ref } from '../../http/schemas.js';
import { createJob, findJob, requestOfJob, retryJob } from '../../services/jobs.js';
import { jobBody, logBody, metricBody } from './render.js';
import * as schema from './schema.js';

const tags = ['jobs'];

export function jobReads(app: App, deps: AppDeps): void {
  const { jobs } = deps.repositories;
  app.get(
    '/v1/jobs',
    {
      schema: {
        operationId: 'listJobs',
        summary: 'List jobs',
        tags,
        querystring: schema.jobQuery,
        response: answers({ 200: ref(schema.JobList) }),
      },
    },
    async (request) => {
      const { state, task, ...page } = request.query;
      const filter = { ...(state === undefined ? {} : { state }), ...(task === undefined ? {} : { task }) };
      return listBody(await jobs.list(request.caller.projectId, filter, page), jobBody);
    },
  );
  app.get(
    '/v1/jobs/:id',
    {
      schema: {
        operationId: 'getJob',
        summary: 'Get a job',
        tags,
        params: idParams,
        response: answers({ 200: ref(schema.Job) }, 404),
      },
    },
    async (request) => jobBody(await findJob(deps, request.caller.projectId, request.params.id)),
  );
  app.get(
    '/v1/jobs/:id/metrics',
    {
      schema: {
        operationId: 'listJobMetrics',
        summary: 'Metrics, oldest first',
        tags,
        params: idParams,
        querystring: schema.metricQuery,
        response: answers({ 200: ref(schema.JobMetricList) }, 404),
      },
    },
    async (request) => {
      const { id } = await findJob(deps, request.caller.projectId, request.params.id);
      const { name, limit, after } = request.query;
      return logBody(await jobs.metrics(id, name, afterSeq(after), limit + 1), request.query, metricBody);
    },
  );
}

const SUMMARIES: Readonly<Record<Exclude<JobAction, 'retry'>, string>> = {
  cancel: 'End a job for good',
  pause: 'Give the job back; it keeps its place',
  resume: 'Go on with a paused job',
  stop: 'End training early with the best so far',
};

export function jobWrites(app: App, deps: AppDeps): void {
  app.post(
    '/v1/jobs',
    {
      schema: {
        operationId: 'createJob',
        summary: 'Train',
        tags,
        headers: idempotencyHeaders,
        body: ref(schema.JobRequest),
        response: answers({ 202: ref(schema.Job) }, 409, 413, 415, 422),
      },
    },
    async (request, reply) =>
      once(deps, request, reply, { digest: request.bodyDigest ?? '' }, async () => {
        const job = await createJob(deps, request.caller.projectId, request.body);
        return { status: 202, location: `/v1/jobs/${job.id}`, body: jobBody(job) };
      }),
  );
  for (const action of ['cancel', 'pause', 'resume', 'stop'] as const) {
    app.post(
      `/v1/jobs/:id/${action}`,
      {
        schema: {
          operationId: `${action}Job`,
          summary: SUMMARIES[action],
          tags,
          params: idParams,
          response: answers({ 202: ref(schema.Job) }, 404, 409),
        },
      },
      async (request, reply) => {
        reply.status(202);
        return jobBody(await requestOfJob(deps, request.caller.projectId, request.params.id, action));
      },
    );
  }
  app.post(
    '/v1/jobs/:id/retry',
    {
      schema: {
        operationId: 'retryJob',
        summary: 'Try a failed job again, as a new job',
        tags,
        params: idParams,
        headers: idempotencyHeaders,
        body: nullable(ref(schema.RetryRequest)),
        response: answers({ 202: ref(schema.Job) }, 404, 409, 415, 422),
      },
      config: { bodyOptional: true },
    },
    async (request, reply) =>
      once(deps, request, reply, { digest: request.bodyDigest ?? '' }, async () => {
        const changes = request.body?.hyperparameters ?? {};
        const job = await retryJob(deps, request.caller.projectId, request.params.id, changes);
        return { status: 202, location: `/v1/jobs/${job.id}`, body: jobBody(job) };
      }),
  );
}
