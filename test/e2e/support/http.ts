import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Service } from './service.js';

/** What these tests know of an answer: JSON of any shape. */
// biome-ignore lint/suspicious/noExplicitAny: end-to-end tests look at JSON as a stranger would, without the project's types.
export type Answer = any;

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Answer;
}

/** A client that knows nothing but HTTP. */
export function httpOf(service: Pick<Service, 'url' | 'headers'>) {
  async function call(
    method: string,
    path: string,
    init: { json?: unknown; body?: FormData | Uint8Array<ArrayBuffer> | string; headers?: Record<string, string> } = {},
  ): Promise<Reply> {
    const json = init.json === undefined ? {} : { 'content-type': 'application/json' };
    const response = await fetch(service.url + path, {
      method,
      headers: { ...service.headers, ...json, ...init.headers },
      body: init.json === undefined ? (init.body ?? null) : JSON.stringify(init.json),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  }
  const get = (path: string) => call('GET', path);
  const post = (path: string, json?: unknown, headers?: Record<string, string>) =>
    call('POST', path, { ...(json === undefined ? {} : { json }), ...(headers === undefined ? {} : { headers }) });
  async function until(path: string, done: (body: Answer) => boolean, ms = 240_000): Promise<Answer> {
    let seen: Reply | null = null;
    for (const end = Date.now() + ms; Date.now() < end; await sleep(100)) {
      seen = await get(path).catch(() => null);
      if (seen?.status === 200 && done(seen.body)) return seen.body;
    }
    throw new Error(`${path} did not come so far in ${ms} ms: ${JSON.stringify(seen?.body)}`);
  }
  function form(fields: Record<string, string>, file: Buffer, filename: string): FormData {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.set(name, value);
    body.set('file', new Blob([new Uint8Array(file)]), filename);
    return body;
  }
  const looked = (body: Answer) => body.state === 'ready' || body.state === 'invalid';
  const ended = (body: Answer) => ['succeeded', 'failed', 'cancelled'].includes(body.state);
  return {
    call,
    get,
    post,
    until,
    form,
    async base(file: Buffer, name: string): Promise<Answer> {
      const created = await call('POST', '/v1/bases', { body: form({ name }, file, `${name}.onnx`) });
      expect(created.status, JSON.stringify(created.body)).toBe(201);
      return until(`/v1/bases/${created.body.id}`, looked);
    },
    async dataset(archive: Buffer, name: string, filename = 'data.zip'): Promise<Answer> {
      const created = await call('POST', '/v1/datasets', {
        body: form({ name, task: 'image-classification' }, archive, filename),
      });
      expect(created.status, JSON.stringify(created.body)).toBe(201);
      return until(`/v1/datasets/${created.body.id}`, looked);
    },
    ended: (job: string, ms?: number): Promise<Answer> => until(`/v1/jobs/${job}`, ended, ms),
  };
}

/** A problem document as the contract has it. */
export function expectProblem(reply: Reply, status: number, code?: string): void {
  expect(reply.status, JSON.stringify(reply.body)).toBe(status);
  expect(reply.headers.get('content-type')).toMatch(/application\/problem\+json/);
  expect(reply.body).toMatchObject({
    type: `urn:graft:error:${reply.body.code}`,
    status,
    title: expect.any(String),
    detail: expect.any(String),
  });
  expect(reply.body.requestId).toMatch(/^req_/);
  if (code !== undefined) expect(reply.body.code).toBe(code);
}
