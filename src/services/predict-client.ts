import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Config } from '../config.js';
import { ERROR_CODES, type ErrorCode, GraftError, type Problem } from '../errors.js';
import { Broken, NotConnected, predictConnections, TimedOut } from './predict-connections.js';
import { encodeFrame, type PredictAnswer, type PredictReply, type PredictRequest } from './predict-protocol.js';

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
/** For the process's health and counters. */
const CONTROL_MS = 2_000;
const KILLED =
  'The prediction process ended twice while it worked on this request, the second time on this one alone. Leave out the input that does it; the log of the prediction process says how it ended.';
/** Less than the prediction process keeps a connection that nobody uses. */
const IDLE_MS = 20_000;
const CONNECTIONS = 256;

/**
 * Talks to the prediction process at `config.predictUrl` over kept-alive connections. A request is sent again (for up to
 * 2 s) when it was certainly not started: nothing listened, or the process said so while ending. One whose connection
 * broke may be what killed the process, or have been beside it. All such are sent again once, one after the other, and
 * new ones wait meanwhile: so the input that kills costs the others time, not their answers, and is found out.
 */
export function predictClient(config: Pick<Config, 'predictUrl'>): PredictClient {
  const unix = config.predictUrl.startsWith('unix:');
  const origin = unix ? 'http://localhost' : config.predictUrl;
  const pool = new Pool(origin, {
    connect: { timeout: 1000, ...(unix ? { socketPath: config.predictUrl.slice('unix:'.length) } : {}) },
    pipelining: 1,
    headersTimeout: ANSWER_MS,
  });
  const connections = predictConnections(pool, { most: CONNECTIONS, answerMs: ANSWER_MS, idleMs: IDLE_MS });

  /** Those that saw the process end, in line for their second try. */
  let suspects = 0;
  /** Resolves when the last of them had it, with whether the process ended of it. */
  let line = Promise.resolve(true);

  async function send(frame: Frame, signal: AbortSignal | undefined, alone: boolean): Promise<PredictAnswer> {
    let giveUpAt = performance.now() + (alone ? RESTART_AFTER_CRASH_MS : RESTART_MS);
    for (;;) {
      for (; suspects > 0 && !alone; giveUpAt = performance.now() + RESTART_MS) await line;
      signal?.throwIfAborted();
      const answer = await (alone ? connections.askAlone : connections.ask)(frame, signal).catch((error: unknown) => {
        signal?.throwIfAborted();
        if (error instanceof NotConnected && performance.now() < giveUpAt) return null;
        throw failure(error);
      });
      if (answer !== null) {
        const reply = replyOf(answer);
        if ('answer' in reply) return reply.answer;
        if (reply.notStarted === undefined || performance.now() >= giveUpAt) throw refusal(reply);
      }
      await sleep(RETRY_MS, undefined, signal ? { signal } : {});
    }
  }

  function sendAlone(frame: Frame, signal: AbortSignal | undefined): Promise<PredictAnswer> {
    if (suspects === 0) line = Promise.resolve(true);
    suspects += 1;
    const answer = line.then(async (ended) => {
      // A connection of its own: one that is kept may lead to the process that is no more. So may a new one, for a moment.
      if (ended) await sleep(RETRY_MS);
      return send(frame, signal, true);
    });
    line = answer.then(() => false, broken).finally(() => (suspects -= 1));
    return answer;
  }

  async function predict(request: PredictRequest, signal?: AbortSignal): Promise<PredictAnswer> {
    const frame = encodeFrame(request);
    try {
      return await send(frame, signal, false);
    } catch (error) {
      if (!broken(error)) throw error;
      return sendAlone(frame, signal).catch((again: unknown) => {
        if (!broken(again)) throw again;
        throw new GraftError('internal', KILLED, { cause: again });
      });
    }
  }

  async function get(path: string): Promise<unknown> {
    const answer = await pool.request({ path, method: 'GET', headersTimeout: CONTROL_MS, bodyTimeout: CONTROL_MS });
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
          throw failure(error);
        },
      ),
    close() {
      connections.close();
      return pool.close();
    },
  };
}

type Frame = readonly Uint8Array[];
const broken = (error: unknown): boolean => error instanceof GraftError && error.options.cause instanceof Broken;

function failure(cause: unknown): GraftError {
  if (cause instanceof TimedOut)
    return new GraftError('deadline-exceeded', `The prediction process did not answer within ${ANSWER_MS / 1000} s.`, {
      cause,
    });
  const detail =
    cause instanceof Broken
      ? 'The prediction process ended while answering; a new one is being started. Try again in a second.'
      : 'No prediction process is listening; one is being started. Try again in a second.';
  return new GraftError('unavailable', detail, { retryAfter: 1, cause });
}

function replyOf(answer: Buffer): PredictReply {
  try {
    const reply: unknown = JSON.parse(answer.toString());
    if (typeof reply === 'object' && reply !== null && ('answer' in reply || 'problem' in reply))
      return reply as PredictReply;
  } catch {
    // Said below.
  }
  throw new GraftError('internal', 'The prediction process gave an answer that cannot be read.');
}

function refusal({ problem, retryAfter }: Extract<PredictReply, { problem: Problem }>): GraftError {
  const { code, detail, errors } = problem as Partial<Problem>;
  const known: ErrorCode = ERROR_CODES.find((one) => one === code) ?? 'internal';
  return new GraftError(known, detail ?? 'The prediction process gave an answer that cannot be read.', {
    ...(errors ? { errors } : {}),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  });
}
