import { afterSeq } from '../../http/cursors.js';
import type { App, AppDeps } from '../../http/deps.js';
import { eventStreams } from '../../http/event-streams.js';
import { answers, closed, idParams, PageQuery, ref } from '../../http/schemas.js';
import { findJob } from '../../services/jobs.js';
import { eventBody, logBody } from './render.js';
import * as schema from './schema.js';

export function jobEventRoutes(app: App, deps: AppDeps): void {
  const { jobs } = deps.repositories;
  const streams = eventStreams({ repositories: deps.repositories, log: deps.log, render: eventBody });
  // Before the server closes, or it would wait for streams that never end.
  app.addHook('preClose', async () => streams.close());
  app.get(
    '/v1/jobs/:id/events',
    {
      schema: {
        operationId: 'listJobEvents',
        summary: 'Events, oldest first',
        description:
          'With `Accept: text/event-stream` the same events live: `id` is the cursor, `event` the type, `Last-Event-ID` goes on from there; the stream ends with the job.',
        tags: ['jobs'],
        params: idParams,
        querystring: closed(PageQuery),
        response: answers({ 200: ref(schema.JobEventList) }, 404),
      },
    },
    async (request, reply) => {
      const { id } = await findJob(deps, request.caller.projectId, request.params.id);
      const { limit, after } = request.query;
      const live = /\btext\/event-stream\b/i.test(request.headers.accept ?? '') && request.method === 'GET';
      if (!live) {
        return logBody(await jobs.events(id, afterSeq(after), limit + 1), request.query, eventBody);
      }
      const last = [request.headers['last-event-id']].flat()[0];
      const from = last === undefined || last === '' ? afterSeq(after) : afterSeq(last, 'Last-Event-ID');
      const stream = streams.open({ id }, from);
      return reply
        .header('content-type', 'text/event-stream; charset=utf-8')
        .header('cache-control', 'no-store')
        .header('x-accel-buffering', 'no')
        .send(stream as never);
    },
  );
}
