import { cp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Repositories } from '../../src/domain/ports.js';
import type { Job } from '../../src/domain/types.js';

/** Where a job's checkpoints are: they outlive its attempts. */
export const checkpointDir = (home: string, jobId: string): string => join(home, 'checkpoints', jobId);

export const forgetCheckpoints = (home: string, jobId: string): Promise<void> =>
  rm(checkpointDir(home, jobId), { recursive: true, force: true });

/** A job that tries a failed one again begins with what that one left. */
export async function inheritCheckpoints(home: string, job: Pick<Job, 'id' | 'retryOf'>): Promise<void> {
  if (job.retryOf === null) return;
  const [from, to] = [checkpointDir(home, job.retryOf), checkpointDir(home, job.id)];
  const there = (path: string) => stat(path).then(Boolean, () => false);
  if (!(await there(from)) || (await there(to))) return;
  const part = `${to}.part`;
  await rm(part, { recursive: true, force: true });
  await cp(from, part, { recursive: true });
  await rename(part, to);
}

/** Checkpoints of a failed job wait this long for a retry. */
const KEPT_MS = 7 * 24 * 3_600_000;

/** Takes away what nobody will go on from: of jobs that are over or gone, the failed ones after a week. */
export async function sweepCheckpoints(home: string, jobs: Pick<Repositories['jobs'], 'byId'>): Promise<void> {
  const root = join(home, 'checkpoints');
  for (const name of await readdir(root).catch(() => [])) {
    const job = await jobs.byId(name.replace(/\.part$/, ''));
    const over = job === null || job.state === 'succeeded' || job.state === 'cancelled';
    const old = async () => Date.now() - (await stat(join(root, name))).mtimeMs > KEPT_MS;
    if (over || (job.state === 'failed' && (await old()))) await rm(join(root, name), { recursive: true, force: true });
  }
}
