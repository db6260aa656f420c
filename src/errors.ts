/**
 * The closed catalogue of what can go wrong, as RFC 9457 problem documents. Across a process boundary compare `code`,
 * never `instanceof`.
 */
export interface ProblemItem {
  /** JSON pointer into the request, path inside an archive, row number, or address of what stands in the way. */
  readonly path: string;
  readonly code: string;
  readonly detail: string;
}

const CATALOGUE = {
  'request-malformed': [400, 'The request cannot be understood'],
  'request-invalid': [400, 'The request does not match the contract'],
  'credentials-missing': [401, 'An API key is needed'],
  'credentials-invalid': [401, 'The API key is not known'],
  'scope-missing': [403, 'The API key lacks the scope'],
  'not-found': [404, 'There is no such thing'],
  'method-not-allowed': [405, 'The address does not take this method'],
  'state-conflict': [409, 'The state does not allow it'],
  'name-taken': [409, 'The name is taken'],
  'idempotency-conflict': [409, 'The Idempotency-Key was used with another request'],
  'idempotency-in-progress': [409, 'The first request with this Idempotency-Key is still being answered'],
  'in-use': [409, 'Others stand on it'],
  'too-large': [413, 'The body is too large'],
  'media-type-unsupported': [415, 'The media type is not taken'],
  'dataset-invalid': [422, 'The dataset cannot be trained on'],
  'dataset-not-ready': [409, 'The dataset is not ready'],
  'base-invalid': [422, 'The base cannot be used'],
  'base-not-ready': [409, 'The base is not ready'],
  'base-unfit': [422, 'The base does not fit the task'],
  'job-impossible': [422, 'The job cannot be run'],
  'input-invalid': [422, 'The input cannot be read'],
  'upload-incomplete': [400, 'The upload ended early'],
  'digest-mismatch': [422, 'The content does not match its digest'],
  'archive-invalid': [422, 'The archive cannot be read'],
  'hub-not-found': [422, 'The hub has no such model'],
  'hub-denied': [422, 'The hub does not give the model'],
  'hub-unreachable': [503, 'The hub cannot be reached'],
  'storage-full': [507, 'There is no space left'],
  'rate-limited': [429, 'Too many requests'],
  overloaded: [503, 'Too busy at the moment'],
  unavailable: [503, 'A part of the service is down'],
  'worker-lost': [500, 'The worker went away'],
  'training-crashed': [500, 'The training process ended early'],
  'out-of-memory': [500, 'The training process ran out of memory'],
  'parity-failed': [500, 'The exported model predicts differently'],
  'deadline-exceeded': [504, 'It took too long'],
  internal: [500, 'Something went wrong here'],
} as const satisfies Record<string, readonly [number, string]>;

export type ErrorCode = keyof typeof CATALOGUE;

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly errors?: readonly ProblemItem[];
}
/** As kept on jobs, datasets and bases: a problem without `status` (the contract's `error` field). */
export type StoredProblem = Omit<Problem, 'status'>;

/** Thrown for every failure that a user is told of. `retryAfter` is in seconds. */
export class GraftError extends Error {
  override readonly name = 'GraftError';
  constructor(
    readonly code: ErrorCode,
    readonly detail: string,
    readonly options: { errors?: readonly ProblemItem[]; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
  }
  get status(): number {
    return CATALOGUE[this.code][0];
  }
}

export const ERROR_CODES = Object.keys(CATALOGUE) as readonly ErrorCode[];

/** The problem document of a code: `detail` says what, where and how to mend it. */
export function problem(code: ErrorCode, detail: string, errors?: readonly ProblemItem[]): Problem {
  const [status, title] = CATALOGUE[code];
  return { type: `urn:graft:error:${code}`, title, status, code, detail, ...(errors?.length ? { errors } : {}) };
}

/** The problem of any thrown thing; what is not ours becomes `internal` and keeps its words to the log. */
export function toProblem(error: unknown): Problem {
  if (error instanceof GraftError) return problem(error.code, error.detail, error.options.errors);
  return problem('internal', 'An unexpected error was logged with this request id.');
}

export function storedProblem(code: ErrorCode, detail: string, errors?: readonly ProblemItem[]): StoredProblem {
  const { status: _, ...rest } = problem(code, detail, errors);
  return rest;
}
