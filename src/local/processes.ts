/** The processes of the service: what `npm start` runs, and what each container of docker-compose.yml runs. */
export const ROLES = ['api', 'worker', 'predict'] as const;
export type Role = (typeof ROLES)[number];

interface Process {
  /** Relative to the root of the installation. */
  readonly entry: string;
  readonly flags: readonly string[];
  /** How long it may take to end after SIGTERM, in milliseconds. */
  readonly graceMs: number;
}

/** Ends the process when the supervisor that started it is gone; without one it does nothing. */
export const GUARD = './dist/src/local/guard.js';

/**
 * Young generations of V8 grow to 16 MB a half and are kept; these processes keep little, so smaller halves keep them
 * small. `bench/idle.ts` measures it.
 */
const SMALL = ['--enable-source-maps', '--max-semi-space-size=8', `--import=${GUARD}`];

export const PROCESSES: Readonly<Record<Role, Process>> = Object.freeze({
  api: { entry: 'dist/src/main.js', flags: SMALL, graceMs: 10_000 },
  worker: { entry: 'dist/workers/main.js', flags: SMALL, graceMs: 15_000 },
  predict: { entry: 'dist/workers/serving/main.js', flags: SMALL, graceMs: 10_000 },
});

/** Arguments of `node`, run in the root of the installation. */
export function argumentsOf(role: Role): readonly string[] {
  return [...PROCESSES[role].flags, PROCESSES[role].entry];
}
