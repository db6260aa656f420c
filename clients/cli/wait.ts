import type { Base, Client, Dataset, Job } from '../api/client.js';
import { isEnd } from '../api/server-events.js';
import type { Output } from './output.js';

const POLL_MS = 250;
const pause = () => new Promise((done) => setTimeout(done, POLL_MS));

/** Waits until the content was looked at: `ready` or `invalid`. */
export async function untilChecked<T extends Dataset | Base>(
  first: T,
  again: () => Promise<T>,
  out: Output,
): Promise<T> {
  let seen = first;
  while (seen.state === 'receiving' || seen.state === 'checking') {
    const phase = seen.state === 'receiving' ? 'downloading' : 'checking';
    const got = 'progress' in seen ? seen.progress : null;
    out.progress(seen.waiting?.detail ?? phase, got?.done ?? 0, got?.total ?? 0);
    await pause();
    seen = await again();
  }
  return seen;
}

/** Follows a job to its end, showing phase and time left. */
export async function untilEnded(client: Client, id: string, out: Output): Promise<Job> {
  for (;;) {
    const job = await client.jobs.get(id);
    if (isEnd(job.state)) return job;
    const { progress } = job;
    if (progress === null || progress === undefined) out.progress(job.state, 0, 1);
    else out.progress(progress.phase, progress.fraction, 1, progress.etaSeconds);
    if (job.state === 'paused') return job;
    await pause();
  }
}
