/** The processes of the service: what `npm start` runs, and what each container of docker-compose.yml runs. */
export const ROLES = ['api', 'worker', 'predict'] as const;
export type Role = (typeof ROLES)[number];

interface Process {
  /** Relative to the root of the installation. */
  readonly entry: string;
  readonly flags: readonly string[];
  /** Of glibc's allocator; elsewhere it says nothing. */
  readonly environment?: Readonly<Record<string, string>>;
  /** How long it may take to end after SIGTERM, in milliseconds. */
  readonly graceMs: number;
}

/** Relative to the root of the installation. */
const PRELUDE = './dist/src/local/prelude.js';

/**
 * V8 lets the young generation grow to 16 MB a half and keeps it. These processes keep little, and half of that does as
 * well; `bench/idle.mjs` measures it.
 */
const FLAGS = ['--enable-source-maps', '--max-semi-space-size=8', `--import=${PRELUDE}`];

/**
 * Prisma plans its queries in WebAssembly. Compiled once and quickly it is no slower there (plans are kept), and the
 * optimizing compiler's 40 MB a process are spared; `bench/idle.mjs` measures it. Not for prediction, which hardly asks the
 * database but scales pictures in WebAssembly: that takes twice as long without the optimizing compiler.
 */
const QUICK_WASM = '--liftoff-only';

/**
 * V8 collects the whole heap when it and the buffers outside it have grown by about 8 MB, which pictures that pass through do four
 * times a second, for 20 ms to 60 ms of both cores each time. This lets a heap grow by `percent` first: by tens of megabytes under
 * load, which `prelude.ts` has collected once it is over.
 */
const growing = (percent: number): string => `--heap-growing-percent=${percent}`;

/**
 * A large file passes through in pieces, and glibc keeps what they took: it takes ever larger blocks for its own once it has seen
 * one freed. With fixed bounds they go back to the system. `bench/idle.mjs` measures it. Not for prediction, whose tensors
 * come and go with every request.
 */
const GIVES_BACK = { MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072', MALLOC_ARENA_MAX: '2' };

export const PROCESSES: Readonly<Record<Role, Process>> = Object.freeze({
  api: {
    entry: 'dist/src/main.js',
    flags: [...FLAGS, QUICK_WASM, growing(100)],
    environment: GIVES_BACK,
    graceMs: 10_000,
  },
  worker: { entry: 'dist/workers/main.js', flags: [...FLAGS, QUICK_WASM], environment: GIVES_BACK, graceMs: 15_000 },
  predict: { entry: 'dist/workers/serving/main.js', flags: [...FLAGS, growing(400)], graceMs: 10_000 },
});

/** Arguments of `node`, run in the root of the installation. */
export function argumentsOf(role: Role): readonly string[] {
  return [...PROCESSES[role].flags, PROCESSES[role].entry];
}
