import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Config } from '../config.js';
import { ERROR_CODES, type ErrorCode, GraftError, type Problem } from '../errors.js';
import {
  encodeFrame,
  FRAME_TYPE,
  NOT_STARTED_HEADER,
  type PredictAnswer,
  type PredictRequest,
} from './predict-protocol.js';

export interface PredictClient {
  /**
   * Throws `unavailable` when no prediction process answers or it died while answering, `overloaded` when its line is
   * full (both with `retryAfter`), `deadline-exceeded`, and whatever problem the process itself answered with.
   */
  predict(request: PredictRequest, signal?: AbortSignal): Promise<PredictAnswer>;
  /** Whether a prediction process answers now; never throws. */
  health(): Promise<boolean>;
  /** The process's counters, for /metrics; throws `unavailable`. */
  stats(): Promise<Readonly<Record<string, number>>>;
  close(): Promise<void>;
}

/** How long a request may wait for a process that is being restarted. */
const RESTART_MS = 2000;
const RETRY_MS = 50;
/** The process answers within its own deadline of 30 s; this only catches one that hangs. */
const ANSWER_MS = 45_000;
const NOT_CONNECTED = new Set(['ECONNREFUSED', 'ENOENT', 'UND_ERR_CONNECT_TIMEOUT', 'EHOSTUNREACH', 'ENETUNREACH']);

/**
 * Talks to the prediction process at `config.predictUrl` over kept-alive connections. A request is sent again (for up to
 * 2 s) only when it was certainly not started: nothing listened, or the process said so while ending. One whose connection
 * broke is never sent again: the input may be what kills the process, and the next process should not pay for it.
 */
export function predictClient(config: Pick<Config, 'predictUrl'>): PredictClient {
  const unix = config.predictUrl.startsWith('unix:');
  const pool = new Pool(unix ? 'http://localhost' : config.predictUrl, {
    connect: { timeout: 1000, ...(unix ? { socketPath: config.predictUrl.slice('unix:'.length) } : {}) },
    connections: 256,
    pipelining: 1,
    keepAliveTimeout: 20_000,
    headersTimeout: ANSWER_MS,
    bodyTimeout: ANSWER_MS,
  });

  async function predict(request: PredictRequest, signal?: AbortSignal): Promise<PredictAnswer> {
    const body = encodeFrame(request);
    const headers = { 'content-type': FRAME_TYPE };
    const giveUpAt = performance.now() + RESTART_MS;
    for (;;) {
      const answer = await pool
        .request({ path: '/predict', method: 'POST', body, headers, signal: signal ?? null })
        .catch((error: unknown) => {
          signal?.throwIfAborted();
          if (NOT_CONNECTED.has(codeOf(error)) && performance.now() < giveUpAt) return null;
          throw unreachable(error);
        });
      if (answer !== null) {
        const retry = answer.headers[NOT_STARTED_HEADER] !== undefined && performance.now() < giveUpAt;
        const content: unknown = await answer.body.json().catch((error: unknown) => {
          signal?.throwIfAborted();
          throw unreachable(error);
        });
        if (answer.statusCode === 200) return content as PredictAnswer;
        if (!retry) throw refusal(content, Number(answer.headers['retry-after'] ?? Number.NaN));
      }
      await sleep(RETRY_MS, undefined, signal ? { signal } : {});
    }
  }

  async function get(path: string): Promise<unknown> {
    const answer = await pool.request({ path, method: 'GET', headersTimeout: 2000, bodyTimeout: 2000 });
    const content: unknown = await answer.body.json();
    if (answer.statusCode !== 200) throw new Error(`${path} answered ${answer.statusCode}`);
    return content;
  }

  return {
    predict,
    health: () =>
      get('/healthz').then(
        () => true,
        () => false,
      ),
    stats: () =>
      get('/stats').then(
        (content) => content as Record<string, number>,
        (error: unknown) => {
          throw unreachable(error);
        },
      ),
    close: () => pool.close(),
  };
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

function unreachable(cause: unknown): GraftError {
  const code = codeOf(cause);
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT')
    return new GraftError('deadline-exceeded', `The prediction process did not answer within ${ANSWER_MS / 1000} s.`, {
      cause,
    });
  const detail = NOT_CONNECTED.has(code)
    ? 'No prediction process is listening; one is being started. Try again in a second.'
    : 'The prediction process ended while answering; a new one is being started. Try again in a second.';
  return new GraftError('unavailable', detail, { retryAfter: 1, cause });
}

function refusal(content: unknown, retryAfter: number): GraftError {
  const given = (typeof content === 'object' && content !== null ? content : {}) as Partial<Problem>;
  const code: ErrorCode = ERROR_CODES.find((known) => known === given.code) ?? 'internal';
  return new GraftError(code, given.detail ?? 'The prediction process gave an answer that cannot be read.', {
    ...(given.errors ? { errors: given.errors } : {}),
    ...(Number.isFinite(retryAfter) ? { retryAfter } : {}),
  });
}
