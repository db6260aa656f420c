import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type Dispatcher, Pool } from 'undici';
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
   * Throws `unavailable` when no prediction process answers, `overloaded` when its line is full (both with `retryAfter`),
   * `internal` when it died of this request, `deadline-exceeded`, and whatever problem the process itself answered with.
   */
  predict(request: PredictRequest, signal?: AbortSignal): Promise<PredictAnswer>;
  /** Whether a prediction process answers now; never throws. */
  health(): Promise<boolean>;
  /** The process's counters, for /metrics; throws `unavailable`. */
  stats(): Promise<Readonly<Record<string, number>>>;
  close(): Promise<void>;
}

/** How long a request may wait for a process that is being restarted; one that saw it end waits for the restart for longer. */
const RESTART_MS = 2_000;
const RESTART_AFTER_CRASH_MS = 10_000;
const RETRY_MS = 50;
/** The process answers within its own deadline of 30 s; this only catches one that hangs. */
const ANSWER_MS = 45_000;
const HEADERS = { 'content-type': FRAME_TYPE };
const KILLED =
  'The prediction process ended twice while it worked on this request, the second time on this one alone. Leave out the input that does it; the log of the prediction process says how it ended.';
const NOT_CONNECTED = new Set(['ECONNREFUSED', 'ENOENT', 'UND_ERR_CONNECT_TIMEOUT', 'EHOSTUNREACH', 'ENETUNREACH']);

/**
 * Talks to the prediction process at `config.predictUrl` over kept-alive connections. A request is sent again (for up to
 * 2 s) when it was certainly not started: nothing listened, or the process said so while ending. One whose connection
 * broke may be what killed the process, or have been beside it. All such are sent again once, one after the other, and
 * new ones wait meanwhile: so the input that kills costs the others time, not their answers, and is found out.
 */
export function predictClient(config: Pick<Config, 'predictUrl'>): PredictClient {
  const unix = config.predictUrl.startsWith('unix:');
  const origin = unix ? 'http://localhost' : config.predictUrl;
  const options = {
    connect: { timeout: 1000, ...(unix ? { socketPath: config.predictUrl.slice('unix:'.length) } : {}) },
    pipelining: 1,
    keepAliveTimeout: 20_000,
    headersTimeout: ANSWER_MS,
    bodyTimeout: ANSWER_MS,
  };
  const pool = new Pool(origin, { ...options, connections: 256 });

  /** Those that saw the process end, in line for their second try. */
  let suspects = 0;
  /** Resolves when the last of them had it, with whether the process ended of it. */
  let line = Promise.resolve(true);

  async function send(body: Buffer, signal: AbortSignal | undefined, over: Dispatcher): Promise<PredictAnswer> {
    const alone = over !== pool;
    let giveUpAt = performance.now() + (alone ? RESTART_AFTER_CRASH_MS : RESTART_MS);
    for (;;) {
      for (; suspects > 0 && !alone; giveUpAt = performance.now() + RESTART_MS) await line;
      signal?.throwIfAborted();
      const answer = await over
        .request({ path: '/predict', method: 'POST', body, headers: HEADERS, signal: signal ?? null })
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

  function sendAlone(body: Buffer, signal: AbortSignal | undefined): Promise<PredictAnswer> {
    if (suspects === 0) line = Promise.resolve(true);
    suspects += 1;
    const answer = line.then(async (ended) => {
      // A connection of its own: one that is kept may lead to the process that is no more. So may a new one, for a moment.
      const client = new Client(origin, options);
      if (ended) await sleep(RETRY_MS);
      return send(body, signal, client).finally(() => client.destroy());
    });
    line = answer.then(() => false, broken).finally(() => (suspects -= 1));
    return answer;
  }

  async function predict(request: PredictRequest, signal?: AbortSignal): Promise<PredictAnswer> {
    const body = encodeFrame(request);
    try {
      return await send(body, signal, pool);
    } catch (error) {
      if (!broken(error)) throw error;
      return sendAlone(body, signal).catch((again: unknown) => {
        if (!broken(again)) throw again;
        throw new GraftError('internal', KILLED, { cause: again });
      });
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

/** The connection broke after the request was sent. */
class Broken extends Error {}
const broken = (error: unknown): boolean => error instanceof GraftError && error.options.cause instanceof Broken;

function unreachable(cause: unknown): GraftError {
  const code = codeOf(cause);
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT')
    return new GraftError('deadline-exceeded', `The prediction process did not answer within ${ANSWER_MS / 1000} s.`, {
      cause,
    });
  if (NOT_CONNECTED.has(code)) {
    const detail = 'No prediction process is listening; one is being started. Try again in a second.';
    return new GraftError('unavailable', detail, { retryAfter: 1, cause });
  }
  const detail = 'The prediction process ended while answering; a new one is being started. Try again in a second.';
  return new GraftError('unavailable', detail, { retryAfter: 1, cause: new Broken('connection lost', { cause }) });
}

function refusal(content: unknown, retryAfter: number): GraftError {
  const given = (typeof content === 'object' && content !== null ? content : {}) as Partial<Problem>;
  const code: ErrorCode = ERROR_CODES.find((known) => known === given.code) ?? 'internal';
  return new GraftError(code, given.detail ?? 'The prediction process gave an answer that cannot be read.', {
    ...(given.errors ? { errors: given.errors } : {}),
    ...(Number.isFinite(retryAfter) ? { retryAfter } : {}),
  });
}
