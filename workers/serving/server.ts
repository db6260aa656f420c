import { setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { GraftError, toProblem } from '../../src/errors.js';
import type { Logger } from '../../src/log.js';
import { decodeFrame, MAX_HEADER_BYTES, NOT_STARTED_HEADER } from '../../src/services/predict-protocol.js';
import { createAdmission } from './admission.js';
import type { Serving } from './service.js';

export interface PredictServer {
  readonly http: Server;
  /** Takes no new requests, answers those that are inside, then closes every connection. */
  drain(graceMs: number): Promise<void>;
}
export interface PredictServerOptions {
  readonly serving: Serving;
  readonly maxBodyBytes: number;
  readonly maxBytesInside: number;
  readonly deadlineMs: number;
  readonly log: Logger;
}

/** `POST /predict` (a frame in, JSON out), `GET /healthz`, `GET /stats`; every refusal is a problem document. */
export function createPredictServer(options: PredictServerOptions): PredictServer {
  const { serving, deadlineMs, log } = options;
  const bytesInside = createAdmission(options.maxBytesInside, 'bytes');
  const maxBody = options.maxBodyBytes + MAX_HEADER_BYTES;
  let draining = false;
  let inside = 0;
  let emptied: () => void = () => undefined;

  async function predict(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    // Every one of a request's inputs listens.
    setMaxListeners(0, gone.signal);
    const deadline = setTimeout(() => {
      const detail = `The prediction was not ready after ${deadlineMs / 1000} s. Send fewer inputs at once.`;
      gone.abort(new GraftError('deadline-exceeded', detail));
    }, deadlineMs);
    response.once('close', () => {
      if (!response.writableFinished) gone.abort(new GraftError('unavailable', 'The client went away.'));
    });
    let leave: () => void = () => undefined;
    try {
      const length = declaredLength(request, maxBody);
      leave = bytesInside.enter(length);
      const frame = decodeFrame(await body(request, length));
      const answer = JSON.stringify(await serving.predict(frame, gone.signal));
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) });
      response.end(answer);
    } finally {
      clearTimeout(deadline);
      leave();
    }
  }

  function refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (response.headersSent || response.destroyed) return;
    const problem = toProblem(error);
    if (problem.code === 'internal') log.error({ err: error, path: request.url }, 'request failed');
    else if (problem.code === 'unavailable' && !draining) log.warn({ err: error }, 'request failed');
    const retryAfter = error instanceof GraftError ? error.options.retryAfter : undefined;
    if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter);
    response.writeHead(problem.status, { 'content-type': 'application/problem+json' });
    response.end(JSON.stringify(problem));
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url } = request;
    if (method === 'GET' && url === '/healthz') return json(response, { status: 'ok' });
    if (method === 'GET' && url === '/stats')
      return json(response, { ...serving.stats(), rssBytes: process.memoryUsage.rss() });
    if (url !== '/predict') throw new GraftError('not-found', 'There are /predict, /healthz and /stats.');
    if (method !== 'POST') throw new GraftError('method-not-allowed', '/predict takes POST.');
    if (!draining) return predict(request, response);
    response.setHeader(NOT_STARTED_HEADER, '1');
    throw new GraftError('unavailable', 'This prediction process is ending.', { retryAfter: 1 });
  }

  const http = createServer({ keepAliveTimeout: 30_000, requestTimeout: 60_000 }, (request, response) => {
    inside += 1;
    if (draining) response.shouldKeepAlive = false;
    // The aborted request of a client that left needs no handler of its own: `close` of the response tells.
    request.on('error', () => undefined);
    response.once('close', () => {
      inside -= 1;
      if (inside === 0) emptied();
    });
    handle(request, response).catch((error: unknown) => refuse(request, response, error));
  });

  async function drain(graceMs: number): Promise<void> {
    draining = true;
    const closed = new Promise<void>((resolve) => http.close(() => resolve()));
    if (inside > 0) {
      const grace = new Promise<void>((resolve) => setTimeout(resolve, graceMs).unref());
      await Promise.race([grace, new Promise<void>((resolve) => (emptied = resolve))]);
    }
    http.closeAllConnections();
    await closed;
  }

  return { http, drain };
}

function json(response: ServerResponse, content: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(content));
}

function declaredLength(request: IncomingMessage, most: number): number {
  const declared = request.headers['content-length'];
  if (declared === undefined)
    throw new GraftError('request-malformed', 'A prediction frame must come with its Content-Length.');
  if (Number(declared) <= most) return Number(declared);
  throw new GraftError('too-large', `The inputs have ${declared} bytes; at most ${most} are taken at once.`);
}

/** The body in one buffer of its declared length, each chunk copied once. */
function body(request: IncomingMessage, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const whole = Buffer.allocUnsafeSlow(length);
    let at = 0;
    request.on('data', (chunk: Buffer) => {
      at += chunk.copy(whole, at);
    });
    request.once('end', () => resolve(whole));
    request.once('close', () => {
      if (at < length) reject(new GraftError('upload-incomplete', `The body ended after ${at} of ${length} bytes.`));
    });
  });
}
