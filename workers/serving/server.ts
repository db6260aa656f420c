import { setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type ErrorCode, GraftError, type Problem, problem, toProblem } from '../../src/errors.js';
import type { Logger } from '../../src/log.js';
import {
  acceptMessages,
  MESSAGES_PATH,
  MESSAGES_PROTOCOL,
  readMessages,
  writeMessage,
} from '../../src/services/predict-messages.js';
import { decodeFrame, MAX_HEADER_BYTES, type PredictReply } from '../../src/services/predict-protocol.js';
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

/** Longer than the API keeps a connection that it does not use. */
const IDLE_MS = 30_000;
const UNKNOWN_UPGRADE = 'HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';

/** Predictions as messages on upgraded connections (`predict-messages.ts`), `GET /healthz` and `GET /stats`. */
export function createPredictServer(options: PredictServerOptions): PredictServer {
  const { serving, deadlineMs, log } = options;
  const bytesInside = createAdmission(options.maxBytesInside, 'bytes');
  const maxFrame = options.maxBodyBytes + MAX_HEADER_BYTES;
  const connections = new Set<Socket>();
  let draining = false;
  let inside = 0;
  let emptied: () => void = () => undefined;

  /** Throws where a frame of so many bytes is not to be taken; returns what to call once it is done with. */
  function admit(length: number): () => void {
    if (draining) throw new GraftError('unavailable', 'This prediction process is ending.', { retryAfter: 1 });
    if (length <= maxFrame) return bytesInside.enter(length);
    throw new GraftError('too-large', `The inputs have ${length} bytes; at most ${maxFrame} are taken at once.`);
  }

  async function predict(frame: Buffer, gone: AbortController): Promise<PredictReply> {
    const deadline = setTimeout(() => {
      const detail = `The prediction was not ready after ${deadlineMs / 1000} s. Send fewer inputs at once.`;
      gone.abort(new GraftError('deadline-exceeded', detail));
    }, deadlineMs);
    try {
      return { answer: await serving.predict(decodeFrame(frame), gone.signal) };
    } catch (error) {
      return refusal(error, draining || gone.signal.aborted);
    } finally {
      clearTimeout(deadline);
    }
  }

  function refusal(error: unknown, expected: boolean): PredictReply {
    const problem = toProblem(error);
    if (problem.code === 'internal') log.error({ err: error }, 'request failed');
    else if (problem.code === 'unavailable' && !expected) log.warn({ err: error }, 'request failed');
    const retryAfter = error instanceof GraftError ? error.options.retryAfter : undefined;
    return { problem, ...(retryAfter !== undefined && { retryAfter }) };
  }

  /** Answers the questions that come over one connection, one after the other. */
  function converse(socket: Socket, head: Buffer): void {
    let gone: AbortController | undefined;
    /** Why the question that is being read is not taken. */
    let refused: PredictReply | undefined;
    let leave: (() => void) | undefined;
    const begin = (length: number): boolean => {
      // A second question before the first has its answer: nobody of ours.
      if (gone !== undefined) {
        socket.destroy();
        return false;
      }
      let free = () => {};
      refused = undefined;
      try {
        free = admit(length);
      } catch (error) {
        refused = { ...refusal(error, draining), ...(draining && { notStarted: true }) };
      }
      inside += 1;
      leave = () => {
        leave = undefined;
        free();
        inside -= 1;
        if (inside === 0) emptied();
      };
      return refused === undefined;
    };
    const end = async (frame: Buffer | null): Promise<void> => {
      if (socket.destroyed) return;
      const asked = new AbortController();
      // Every one of a request's inputs listens.
      setMaxListeners(0, asked.signal);
      gone = asked;
      const reply = refused ?? (await predict(frame as Buffer, asked));
      gone = undefined;
      if (!socket.destroyed) writeMessage(socket, [Buffer.from(JSON.stringify(reply))]);
      leave?.();
    };

    connections.add(socket);
    socket.on('error', () => undefined);
    socket.once('end', () => socket.destroy());
    socket.once('close', () => {
      connections.delete(socket);
      if (gone === undefined) leave?.();
      else gone.abort(new GraftError('unavailable', 'The client went away.'));
    });
    socket.on('timeout', () => {
      if (gone === undefined) socket.destroy();
    });
    socket.setTimeout(IDLE_MS);
    acceptMessages(socket);
    readMessages(socket, head, { begin, end: (frame) => void end(frame) });
  }

  const http = createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
    if (draining) response.shouldKeepAlive = false;
    answerControl(request, response, serving);
  });
  http.on('upgrade', (request, socket: Socket, head) => {
    if (draining) socket.destroy();
    else if (request.url === MESSAGES_PATH && request.headers.upgrade === MESSAGES_PROTOCOL) converse(socket, head);
    else socket.end(UNKNOWN_UPGRADE);
  });

  async function drain(graceMs: number): Promise<void> {
    draining = true;
    const closed = new Promise<void>((resolve) => http.close(() => resolve()));
    if (inside > 0) {
      const grace = new Promise<void>((resolve) => setTimeout(resolve, graceMs).unref());
      await Promise.race([grace, new Promise<void>((resolve) => (emptied = resolve))]);
    }
    http.closeAllConnections();
    for (const socket of connections) socket.destroySoon();
    await closed;
  }

  return { http, drain };
}

function answerControl({ method, url }: IncomingMessage, response: ServerResponse, serving: Serving): void {
  const [status, content] = controlAnswer(method, url, serving);
  response.writeHead(status, { 'content-type': status === 200 ? 'application/json' : 'application/problem+json' });
  response.end(JSON.stringify(content));
}

function controlAnswer(method: string | undefined, url: string | undefined, serving: Serving): [number, object] {
  if (url !== '/healthz' && url !== '/stats')
    return problemAnswer('not-found', 'There are /healthz and /stats, and /predict to upgrade at.');
  if (method !== 'GET') return problemAnswer('method-not-allowed', `${url} takes GET.`);
  return [200, url === '/healthz' ? { status: 'ok' } : { ...serving.stats(), rssBytes: process.memoryUsage.rss() }];
}

function problemAnswer(code: ErrorCode, detail: string): [number, Problem] {
  const refusal = problem(code, detail);
  return [refusal.status, refusal];
}
