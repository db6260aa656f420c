import { type StoredProblem, storedProblem } from '../../src/errors.js';
import type { Exit } from './child-process.js';

/** How a run's process ended that was not told to, in words. */
export function crashMessage(exit: Exit): string {
  const how = exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
  return `the training process ${exit.outOfMemory ? 'ran out of memory' : 'ended early'} (${how})`;
}

/** The problem of a job of which so many attempts ended so, the last of them as told. */
export function crashProblem(exit: Exit, attempts: number): StoredProblem {
  const words = exit.lastWords === '' ? '' : ` Its last words: ${exit.lastWords.slice(-500)}`;
  return storedProblem(
    exit.outOfMemory ? 'out-of-memory' : 'training-crashed',
    `In ${attempts} attempts ${crashMessage(exit)}.${hintFor(exit)}${words}`,
  );
}

/** What to do about it. The service's own SIGKILL never gets here: it follows a decision. */
function hintFor({ outOfMemory, signal }: Exit): string {
  const more = 'give the worker more memory, let it train fewer jobs at a time, or use a smaller base';
  if (outOfMemory) return ` To mend it, ${more}.`;
  if (signal !== 'SIGKILL') return '';
  return ` The service did not send this signal; mostly it is the system's, for want of memory. If so, ${more}.`;
}
