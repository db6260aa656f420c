import type { Pool } from 'pg';
import type { JobState } from '../domain/lifecycle.js';
import type { Job } from '../domain/types.js';
import { GraftError, storedProblem } from '../errors.js';
import { type JobRow, jobOf } from './job-rows.js';
import { eventSql, forceTransition } from './job-writes.js';
import { keptJson } from './kept-json.js';

type Action = 'cancel' | 'pause' | 'resume' | 'stop';

/** What a user may ask in which state, and what becomes of the job: a state at once, or an intent for its worker. */
const PLANS: Readonly<Record<Action, { at: readonly JobState[]; to: JobState; intent?: Exclude<Action, 'resume'> }[]>> =
  {
    cancel: [
      { at: ['queued', 'paused'], to: 'cancelled' },
      { at: ['preparing', 'running', 'evaluating', 'publishing', 'pausing'], to: 'cancelling', intent: 'cancel' },
    ],
    pause: [
      { at: ['queued'], to: 'paused' },
      { at: ['preparing', 'running', 'evaluating'], to: 'pausing', intent: 'pause' },
    ],
    resume: [{ at: ['paused'], to: 'queued' }],
    stop: [],
  };
const STOPPABLE: readonly JobState[] = ['preparing', 'running'];
/** Asking again for what is under way is no mistake. */
const UNDER_WAY: Readonly<Record<Action, readonly JobState[]>> = {
  cancel: ['cancelling', 'cancelled'],
  pause: ['pausing', 'paused'],
  resume: [],
  stop: [],
};

export async function requestOf(pool: Pool, find: () => Promise<Job | null>, id: string, action: Action): Promise<Job> {
  const message = `${action} was asked for`;
  for (const plan of PLANS[action]) {
    // States that end or halt a job clear the intent themselves; a column may be set only once.
    const extra = plan.intent === undefined ? {} : { set: `intent = '${plan.intent}'` };
    if (await forceTransition(pool, id, plan.at, plan.to, { type: 'state', message }, extra)) return (await find())!;
  }
  if (action === 'stop') {
    const values: unknown[] = [id, STOPPABLE];
    const { rowCount } = await pool.query(
      `WITH changed AS (UPDATE job SET intent = 'stop' WHERE id = $1 AND state = ANY($2) RETURNING id, project_id)
       ${eventSql({ type: 'log', message }, values)}`,
      values,
    );
    if (rowCount === 1) return (await find())!;
  }
  const job = await find();
  if (job === null) throw new GraftError('not-found', `There is no job '${id}'.`);
  if (UNDER_WAY[action].includes(job.state)) return job;
  const allowed = action === 'stop' ? STOPPABLE : PLANS[action].flatMap((plan) => plan.at);
  throw new GraftError(
    'state-conflict',
    `The job is ${job.state}; '${action}' is possible while it is ${allowed.join(', ')}.`,
  );
}

/** Gives the jobs of silent workers back, or ends those that lost too many workers. Returns the ids now queued. */
export async function reclaim(pool: Pool, silentMs: number, maxAttempts: number): Promise<readonly string[]> {
  const { rows } = await pool.query<JobRow>(
    `SELECT * FROM job WHERE state IN ('preparing', 'running', 'evaluating', 'publishing', 'pausing', 'cancelling')
       AND heartbeat_at < now() - make_interval(secs => $1 / 1000.0) LIMIT 1000`,
    [silentMs],
  );
  const queued: string[] = [];
  for (const job of rows.map(jobOf)) {
    // The attempt in the guard: a worker that took the job meanwhile keeps it.
    const still = {
      where: `attempt = $3 AND heartbeat_at < now() - make_interval(secs => $4 / 1000.0)`,
      values: [job.attempt, silentMs],
    };
    const log = { type: 'state', level: 'warning' } as const;
    if (job.state === 'cancelling') {
      await forceTransition(
        pool,
        job.id,
        ['cancelling'],
        'cancelled',
        { ...log, message: 'cancelled; its worker was gone' },
        still,
      );
    } else if (job.state === 'pausing') {
      await forceTransition(
        pool,
        job.id,
        ['pausing'],
        'paused',
        { ...log, message: 'paused; its worker was gone' },
        still,
      );
    } else if (job.attempt >= maxAttempts) {
      const error = storedProblem(
        'worker-lost',
        `${job.attempt} workers went away during this job; it is not tried again. The worker's log and the machine's memory tell more.`,
      );
      const failed = { ...still, set: 'error = $5::jsonb', values: [...still.values, keptJson(error)] };
      await forceTransition(
        pool,
        job.id,
        [job.state],
        'failed',
        { ...log, level: 'error', message: error.detail },
        failed,
      );
    } else {
      const message = `the worker of attempt ${job.attempt} went away; the job waits for another`;
      if (await forceTransition(pool, job.id, [job.state], 'queued', { ...log, message }, still)) queued.push(job.id);
    }
  }
  return queued;
}
