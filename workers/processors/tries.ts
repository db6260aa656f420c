import type { CheckEnd, CheckTries } from '../../src/domain/ports.js';
import { type ErrorCode, GraftError, type StoredProblem, storedProblem } from '../../src/errors.js';
import type { Logger } from '../../src/log.js';

/** A check of something uploaded, as it is tried. */
export interface Check {
  /** 'dataset' or 'base', for words. */
  readonly what: string;
  /** Problems of the content: they end the check at once, with `invalid`. Asked when one is there. */
  verdicts(): readonly ErrorCode[];
  /** Problems that may pass, and are told in their own words while they last. */
  readonly passing?: readonly ErrorCode[];
  /** What a user is to do once it is given up; 'upload it again' where left out. */
  readonly again?: string;
  start(): Promise<CheckTries | null>;
  end(how: CheckEnd): Promise<void>;
  invalid(error: StoredProblem): Promise<unknown>;
  run(): Promise<void>;
}
/** How often a check is tried that ends its worker, and one that fails: the reconciler waits ever longer between tries. */
export interface MostTries {
  readonly deaths: number;
  readonly failures: number;
}
export const MOST_TRIES: MostTries = { deaths: 3, failures: 8 };

/**
 * Runs a check so that it ends, whatever happens: what is wrong with the content makes it `invalid`; a failure of other
 * kinds (a full disk, a lost connection) is thrown, so that it is tried again, and the last one makes it `invalid` too; one
 * that ended its workers before is not begun again.
 *
 * @returns false when there is nothing to check any more.
 */
export async function tried(
  check: Check,
  log: Logger,
  signal: AbortSignal,
  most: MostTries = MOST_TRIES,
): Promise<boolean> {
  const tries = await check.start();
  if (tries === null) return false;
  const end = async (error: StoredProblem): Promise<true> => {
    await check.invalid(error);
    log.info({ code: error.code, detail: error.detail }, `The ${check.what} is invalid`);
    return true;
  };
  const deaths = tries.started - 1 - tries.failed;
  if (deaths >= most.deaths) return end(lost(check, deaths));
  try {
    await check.run();
    return true;
  } catch (error) {
    if (signal.aborted) {
      await check.end('interrupted').catch(() => {});
      throw error;
    }
    if (error instanceof GraftError && check.verdicts().includes(error.code))
      return end(storedProblem(error.code, error.detail, error.options.errors));
    if (tries.failed + 1 < most.failures) {
      await check.end({ failed: whyAgain(check, error) });
      throw error;
    }
    log.error({ err: error }, `The ${check.what} could not be checked; it is not tried again`);
    return end(lastFailure(check, tries.failed + 1, error));
  }
}

const AGAIN = 'upload it again';

function lost({ what, again = AGAIN }: Check, deaths: number): StoredProblem {
  return storedProblem(
    'worker-lost',
    `The worker ended ${deaths} times while it checked this ${what}, so it is not tried again. It may need more memory than the worker has: give the worker more, or make the ${what} smaller, and ${again}.`,
  );
}

function whyAgain({ what, passing = [] }: Check, error: unknown): StoredProblem {
  if (error instanceof GraftError && passing.includes(error.code))
    return storedProblem(error.code, `${error.detail} It is tried again by itself.`);
  if (isDiskFull(error))
    return storedProblem(
      'storage-full',
      `The disk is full, so the check of this ${what} waits and is tried again by itself. Make space: it needs about as much again as the upload.`,
    );
  return storedProblem(
    'internal',
    `The last check of this ${what} failed for a reason that is in the log of the worker under it; it is tried again by itself.`,
  );
}

function lastFailure({ what, passing = [], again = AGAIN }: Check, times: number, error: unknown): StoredProblem {
  if (error instanceof GraftError && passing.includes(error.code))
    return storedProblem(error.code, `${error.detail} It was tried ${times} times; ${again} once that is mended.`);
  if (isDiskFull(error))
    return storedProblem(
      'storage-full',
      `The disk was full each of the ${times} times that this ${what} was checked, so it is not tried again, and its upload is given up. Make space (a check needs about as much again as the upload), then ${again}.`,
    );
  return storedProblem(
    'internal',
    `The check failed ${times} times for a reason that is in the log of the worker under this ${what}, and is not tried again. Once that is mended, ${again}.`,
  );
}

/** Of a store, of a file system, of Postgres. */
function isDiskFull(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === 'storage-full' || code === 'ENOSPC' || code === 'EDQUOT' || code === '53100';
}
