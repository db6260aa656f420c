import supertest from 'supertest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Fence } from '../../../src/domain/ports.js';
import { type TestService, testService } from '../../support/http.js';
import { ground, newJob, newModel } from '../../support/records.js';

let service: TestService;
beforeAll(async () => {
  service = await testService();
});
afterAll(() => service.close());

interface Sent {
  readonly id: string;
  readonly event: string;
  readonly data: { readonly id: string; readonly message: string; readonly data: Record<string, unknown> };
}
/** Reads server-sent events until the stream ends, or until `enough` of them. */
async function listen(
  path: string,
  headers: Record<string, string> = {},
  enough = Number.POSITIVE_INFINITY,
): Promise<{ sent: Sent[]; ended: boolean }> {
  const answer = await fetch(`${service.url}${path}`, { headers: { accept: 'text/event-stream', ...headers } });
  expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const sent: Sent[] = [];
  let text = '';
  for await (const chunk of answer.body!) {
    text += Buffer.from(chunk).toString();
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = Object.fromEntries(
        block.split('\n').map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]),
      );
      if (fields.data !== undefined)
        sent.push({ id: fields.id ?? '', event: fields.event ?? '', data: JSON.parse(fields.data) });
    }
    if (sent.length >= enough) return { sent, ended: false };
  }
  return { sent, ended: true };
}

async function running() {
  const job = newJob(await ground(service.repos));
  await service.repos.jobs.create(job);
  const fence: Fence = { jobId: job.id, attempt: (await service.repos.jobs.claim(job.id, 'w'))!.attempt };
  await service.repos.jobs.transition(fence, 'running', { type: 'state', message: 'running' });
  return { job, fence, path: `/v1/jobs/${job.id}/events` };
}
async function finish(job: ReturnType<typeof newJob>, fence: Fence) {
  for (const state of ['evaluating', 'publishing'] as const)
    await service.repos.jobs.transition(fence, state, { type: 'state', message: state });
  await service.repos.jobs.publish(fence, newModel(job), {});
}

it('shows the same events as a list and live, and ends with the job', async () => {
  const { job, fence, path } = await running();
  const live = Promise.all([listen(path), listen(path), listen(path)]);
  for (let i = 0; i < 5; i++) {
    await service.repos.jobs.update(fence, {}, { type: 'progress', message: `step ${i}` });
    await new Promise((resolve) => setTimeout(resolve, 120));
  }
  await finish(job, fence);
  const streams = await live;
  const { body } = await supertest(service.url).get(path).query({ limit: 100 });
  expect(body.data.map((event: { message: string }) => event.message)).toEqual([
    ...['queued', 'a worker took the job', 'running', 'step 0', 'step 1', 'step 2', 'step 3', 'step 4'],
    ...['evaluating', 'publishing', expect.stringContaining('published as mdl_')],
  ]);
  for (const { sent, ended } of streams) {
    expect(ended).toBe(true);
    expect(sent.map(({ data }) => data)).toEqual(body.data);
    expect(sent.map(({ event }) => event)).toEqual(body.data.map((event: { type: string }) => event.type));
    expect(sent.at(-1)?.id).toBe(body.nextCursor);
  }
  expect(body.data.at(-1).data.state).toBe('succeeded');
});

it('goes on after Last-Event-ID or ?after, from the same cursors as the list', async () => {
  const { job, fence, path } = await running();
  for (let i = 0; i < 4; i++) await service.repos.jobs.update(fence, {}, { type: 'progress', message: `step ${i}` });
  const first = await listen(path, {}, 4);
  expect(first.sent.length).toBeGreaterThanOrEqual(4);
  const from = first.sent[3]!;
  const rest = Promise.all([listen(path, { 'last-event-id': from.id }), listen(`${path}?after=${from.id}`)]);
  await finish(job, fence);
  const all = (await supertest(service.url).get(path).query({ limit: 100 })).body.data;
  for (const { sent, ended } of await rest) {
    expect(ended).toBe(true);
    expect(sent.map(({ data }) => data)).toEqual(all.slice(4));
  }
  const page = (await supertest(service.url).get(path).query({ limit: 3 })).body;
  expect([page.data.length, page.hasMore]).toEqual([3, true]);
  const next = (await supertest(service.url).get(path).query({ limit: 100, after: page.nextCursor })).body;
  expect([...page.data, ...next.data]).toEqual(all);
  expect(next.hasMore).toBe(false);
  const none = (await supertest(service.url).get(path).query({ after: next.nextCursor })).body;
  expect(none).toEqual({ object: 'list', data: [], hasMore: false, nextCursor: next.nextCursor });
});

it('does not keep the service from ending', async () => {
  const other = await testService();
  const job = newJob(await ground(other.repos));
  await other.repos.jobs.create(job);
  const answer = await fetch(`${other.url}/v1/jobs/${job.id}/events`, { headers: { accept: 'text/event-stream' } });
  const started = performance.now();
  await Promise.all([other.close(), answer.text()]);
  expect(performance.now() - started).toBeLessThan(5000);
});

it('refuses a cursor of another kind', async () => {
  const { path } = await running();
  expect((await supertest(service.url).get(path).query({ after: 'xyz!' })).status).toBe(400);
  const live = await fetch(`${service.url}${path}`, {
    headers: { accept: 'text/event-stream', 'last-event-id': 'xyz!' },
  });
  expect(live.status).toBe(400);
  // The client of an event stream has sent no `after`.
  expect(await live.json()).toMatchObject({ errors: [{ path: 'Last-Event-ID', code: 'cursor-invalid' }] });
});
