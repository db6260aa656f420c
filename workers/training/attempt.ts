import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Repositories } from '../../src/domain/ports.js';
import type { Job } from '../../src/domain/types.js';
import { type ErrorCode, GraftError, storedProblem } from '../../src/errors.js';
import type { Logger } from '../../src/log.js';
import type { EngineChoice } from '../engines.js';
import { forgetCheckpoints, inheritCheckpoints, sweepCheckpoints } from './checkpoint-folders.js';
import type { Exit, RunChild } from './child-process.js';
import { crashMessage, crashProblem } from './crash.js';
import type { FromChild, RunResult, RunSpec } from './messages.js';
import { publishModel } from './publish-model.js';
import { runSpec, type SpecDeps } from './spec.js';
import { jobWriter, patiently } from './writer.js';

export interface AttemptDeps extends SpecDeps {
  readonly repositories: Repositories;
  readonly config: SpecDeps['config'] & { readonly workerSilentMs: number; readonly jobMaxAttempts: number };
  readonly log: Logger;
}
/**
 * `again`: the run broke off, by itself or with its device; the job is queued and may be claimed at once. `over`: nothing is
 * left to do here.
 */
export type Outcome = 'over' | 'again';

type End =
  | { readonly kind: 'done'; readonly spec: RunSpec; readonly result: RunResult }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly detail: string; readonly errors?: Failure['errors'] }
  | { readonly kind: 'crashed'; readonly exit: Exit }
  | { readonly kind: 'deviceLost'; readonly detail: string }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'pause' }
  | { readonly kind: 'lost' }
  | { readonly kind: 'shutdown' };
type Unfinished = Exclude<End, { kind: 'done' }>;
type Failure = Extract<FromChild, { type: 'failed' }>;

/** A paused run may write where it stands for this long. */
const LEAVE_MS = 5000;
/** The user's wish is acted on within this, and the hold renewed. */
const MOST_BEAT_MS = 1000;

/**
 * One attempt of a claimed job: feeds the child, keeps the hold, writes what the child tells, and brings the job to its
 * next state. Every write carries the attempt's number, so that an attempt that lost its hold changes nothing.
 */
export async function attempt(
  deps: AttemptDeps,
  job: Job,
  engine: EngineChoice,
  child: RunChild,
  signal: AbortSignal,
): Promise<Outcome> {
  const { jobs } = deps.repositories;
  const fence = { jobId: job.id, attempt: job.attempt };
  const log = deps.log.child({ job: job.id, attempt: job.attempt });
  const over = new AbortController();
  const writer = jobWriter(jobs, fence, log, over.signal);
  let outDir: string | null = null;
  let settle: (end: End) => void = () => {};
  const ended = new Promise<End>((resolve) => {
    settle = resolve;
  });
  const onAbort = () => settle({ kind: 'shutdown' });
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const heart = heartbeat(deps, fence, log, (found) =>
    found === 'stop' ? child.send({ type: 'stop' }) : settle({ kind: found }),
  );

  // Messages are handled one after the other: states and metrics reach Postgres in the order in which they happened.
  let handled: Promise<void> = Promise.resolve();
  let spec: RunSpec | null = null;
  const handle = async (message: FromChild): Promise<void> => {
    if (message.type === 'progress') writer.progress(message.progress);
    else if (message.type === 'metrics') writer.metrics(message.points);
    else if (message.type === 'state') {
      const text = {
        running: 'training',
        evaluating: 'measuring the model',
        publishing: 'publishing the model',
      };
      if (!(await writer.transition(message.state, { type: 'state', message: text[message.state] }))) await heart.now();
    } else if (message.type === 'resolved') {
      const { hyperparameters, engine, memory } = message;
      const method = { ...job.method, cut: spec!.cut } as Job['method'];
      await writer.update({ hyperparameters, engine, method, ...(memory && { memory }) });
    } else if (message.type === 'memory') {
      await writer.update({ memory: message.memory });
    } else if (message.type === 'log') {
      const { level, message: text, data } = message;
      await writer.update({}, { type: 'log', level, message: text, data });
    } else if (message.type === 'failed') {
      const { code, detail, errors } = message;
      settle({ kind: 'failed', code, detail, errors });
    } else if (message.type === 'lost') settle({ kind: 'deviceLost', detail: message.detail });
    else if (message.type === 'done') settle({ kind: 'done', spec: spec!, result: message.result });
  };
  child.onMessage((message) => {
    handled = handled
      .then(() => handle(message))
      .catch((error: unknown) => settle({ kind: 'failed', ...told(error, log) }));
  });
  void child.exited.then(async (exit) => {
    await handled;
    settle({ kind: 'crashed', exit });
  });

  try {
    try {
      spec = await runSpec(deps, job, engine, over.signal);
      outDir = spec.outDir;
      await forgetOlder(spec.outDir, job.id);
      if (job.method.type !== 'featureExtraction') {
        await sweepCheckpoints(deps.config.home, jobs);
        await inheritCheckpoints(deps.config.home, job);
      }
      child.send({ type: 'start', spec });
    } catch (error) {
      settle({ kind: 'failed', ...told(error, log) });
    }
    let end = await ended;
    if (end.kind === 'done') {
      await writer.flush();
      const publishing = { ...deps, artifacts: deps.stores.artifacts, log, signal: over.signal };
      if (await publishModel(publishing, job, fence, end.spec, end.result)) {
        await forgetCheckpoints(deps.config.home, job.id);
        log.info({ model: end.spec.model.id, metrics: end.result.metrics }, 'Published');
        return 'over';
      }
      // The guard refused: the user asked for something, or the hold is gone.
      end = { kind: (await heart.now()) ?? 'lost' } as Unfinished;
    }
    if (end.kind === 'pause' || end.kind === 'shutdown') await child.wind(LEAVE_MS);
    child.kill();
    return await finish(deps, job, writer, end, log);
  } finally {
    over.abort();
    signal.removeEventListener('abort', onAbort);
    heart.close();
    writer.close();
    child.kill();
    if (outDir !== null) await rm(outDir, { recursive: true, force: true });
  }
}

/** Brings the job to the state that follows from how the attempt ended. */
async function finish(
  deps: AttemptDeps,
  job: Job,
  writer: ReturnType<typeof jobWriter>,
  end: Unfinished,
  log: Logger,
): Promise<Outcome> {
  if (end.kind === 'lost') {
    log.warn('The job is held by another worker or over; this attempt ends without a word');
    return 'over';
  }
  if (end.kind === 'cancel') await forgetCheckpoints(deps.config.home, job.id);
  if (end.kind === 'cancel' || end.kind === 'pause') return asked(writer, end.kind);
  if (end.kind === 'failed') {
    const error = storedProblem(end.code, end.detail, end.errors);
    log.warn({ error }, 'The run failed');
    const failed = await writer.transition('failed', { type: 'state', level: 'error', message: end.detail }, { error });
    return failed ? 'over' : asked(writer, 'cancel');
  }
  if (end.kind === 'shutdown') {
    const event = { type: 'state', level: 'warning', message: 'given back: the worker is ending' } as const;
    if (!(await writer.transition('queued', event))) await asked(writer, 'cancel');
    return 'over';
  }
  const { message, data, problem } = brokenOff(end, job);
  log.error(data, message);
  if (job.attempt >= deps.config.jobMaxAttempts) {
    const event = { type: 'state', level: 'error', message, data } as const;
    return (await writer.transition('failed', event, { error: problem })) ? 'over' : asked(writer, 'cancel');
  }
  const again = await writer.transition('queued', { type: 'state', level: 'warning', message, data });
  return again ? 'again' : asked(writer, 'cancel');
}

/** An attempt that neither ended nor failed: another may do better. `problem` is the job's where none is left. */
function brokenOff(end: Extract<End, { kind: 'crashed' | 'deviceLost' }>, { attempt: attempts }: Job) {
  if (end.kind === 'deviceLost') {
    const { detail } = end;
    const message = `the device that it trained on is gone: ${detail.slice(0, 500)}`;
    return {
      message,
      data: { detail },
      problem: storedProblem('training-crashed', `In ${attempts} attempts ${message}`),
    };
  }
  const { exit } = end;
  const data = { signal: exit.signal, exitCode: exit.code, lastWords: exit.lastWords };
  return { message: crashMessage(exit), data, problem: crashProblem(exit, attempts) };
}

/** What the user asked for, once the child is gone; of a wish that came too late, or was another, the guard decides. */
async function asked(writer: ReturnType<typeof jobWriter>, wish: 'cancel' | 'pause'): Promise<Outcome> {
  const wishes = wish === 'cancel' ? (['cancelled', 'paused'] as const) : (['paused', 'cancelled'] as const);
  for (const to of wishes) if (await writer.transition(to, { type: 'state', message: to })) return 'over';
  return 'over';
}

/** What attempts of this job left behind whose worker was killed. */
async function forgetOlder(outDir: string, jobId: string): Promise<void> {
  const folder = dirname(outDir);
  for (const name of await readdir(folder).catch(() => []))
    if (name.startsWith(`${jobId}-`) && name !== basename(outDir))
      await rm(join(folder, name), { recursive: true, force: true });
}

/** Problems of ours are told; what is unforeseen is logged and told as such. */
function told(error: unknown, log: Logger): { code: ErrorCode; detail: string; errors?: Failure['errors'] } {
  if (error instanceof GraftError)
    return { code: error.code, detail: error.detail, ...(error.options.errors && { errors: error.options.errors }) };
  log.error({ err: error }, 'The run failed unforeseen');
  return { code: 'internal', detail: 'The run failed for a reason that is in the log of the worker under this job.' };
}

type Found = 'cancel' | 'pause' | 'lost';

/** Renews the hold and tells what it finds: once `lost`, `cancel` or `pause`, which end the attempt, and `stop`. */
function heartbeat(
  deps: AttemptDeps,
  fence: { jobId: string; attempt: number },
  log: Logger,
  found: (what: Found | 'stop') => void,
) {
  let told = '';
  let beating = false;
  const beat = async (): Promise<Found | null> => {
    const { held, intent } = await deps.repositories.jobs.heartbeat(fence);
    const what = held ? intent : 'lost';
    if (what !== null && what !== told) {
      told = what;
      found(what);
    }
    return what === 'stop' ? null : what;
  };
  const timer = setInterval(
    () => {
      if (beating) return;
      beating = true;
      beat()
        // Postgres is away: the hold is asked about when it is back.
        .catch((error: unknown) => log.warn({ err: error }, 'The hold could not be renewed'))
        .finally(() => {
          beating = false;
        });
    },
    Math.min(MOST_BEAT_MS, deps.config.workerSilentMs / 5),
  );
  return { now: () => patiently(beat, { log }), close: () => clearInterval(timer) };
}
