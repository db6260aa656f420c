/** The life cycle of a job as one pure table. Everything that changes a job's state asks here first. */
export const JOB_STATES = [
  'queued',
  'preparing',
  'running',
  'evaluating',
  'publishing',
  'pausing',
  'paused',
  'cancelling',
  'succeeded',
  'failed',
  'cancelled',
] as const;
export type JobState = (typeof JOB_STATES)[number];

export const TERMINAL_STATES = ['succeeded', 'failed', 'cancelled'] as const satisfies readonly JobState[];
/** States in which a worker holds the job and must send heartbeats. */
export const HELD_STATES = [
  'preparing',
  'running',
  'evaluating',
  'publishing',
  'pausing',
  'cancelling',
] as const satisfies readonly JobState[];

/** `queued` is reachable from every held state: that is a lost worker's job given to the next one. */
export const TRANSITIONS: Readonly<Record<JobState, readonly JobState[]>> = Object.freeze({
  queued: ['preparing', 'paused', 'cancelled', 'failed'],
  preparing: ['running', 'pausing', 'cancelling', 'queued', 'failed'],
  running: ['evaluating', 'pausing', 'cancelling', 'queued', 'failed'],
  evaluating: ['publishing', 'pausing', 'cancelling', 'queued', 'failed'],
  publishing: ['succeeded', 'cancelling', 'queued', 'failed'],
  pausing: ['paused', 'cancelling', 'queued', 'failed'],
  paused: ['queued', 'cancelled'],
  cancelling: ['cancelled', 'failed'],
  succeeded: [],
  failed: [],
  cancelled: [],
});

export function canTransition(from: JobState, to: JobState): boolean {
  return TRANSITIONS[from].includes(to);
}
export function isTerminal(state: JobState): boolean {
  return (TERMINAL_STATES as readonly JobState[]).includes(state);
}
export function isHeld(state: JobState): boolean {
  return (HELD_STATES as readonly JobState[]).includes(state);
}
/** The states that may go to `to`: the SQL guard of a change. */
export function sourcesOf(to: JobState): readonly JobState[] {
  return JOB_STATES.filter((from) => canTransition(from, to));
}

/** What a user may ask of a job, and from which states; `stop` ends training early with the best so far. */
export const JOB_ACTIONS = ['cancel', 'pause', 'resume', 'stop', 'retry'] as const;
export type JobAction = (typeof JOB_ACTIONS)[number];
