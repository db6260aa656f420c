import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.js';

/**
 * Files run side by side, those of all suites together: many wait for processes, timers and databases most of their time.
 * Each has a database, ports, a home and a part of Redis of its own. More than a few at once do not fit small machines' memory.
 */
const WORKERS = Math.min(availableParallelism() + 1, 4);

/** What suites share is made only when a test asks for it: a Postgres, and a home that a first start prepared. */
const POSTGRES = 'test/support/global-setup.ts';
const SETUP: Readonly<Record<string, string[]>> = {
  conformance: [POSTGRES],
  integration: [POSTGRES],
  e2e: [POSTGRES, 'test/e2e/support/first-home.ts', 'test/e2e/support/end-with-run.ts'],
};

/** Suites are projects so that one can be run alone: `npx vitest run --project unit`. */
export default defineConfig({
  test: {
    maxWorkers: WORKERS,
    sequence: { sequencer: LongestFirst },
    projects: ['unit', 'conformance', 'integration', 'e2e'].map((name) => ({
      test: {
        name,
        include: [`test/${name}/**/*.test.ts`],
        environment: 'node',
        pool: 'forks' as const,
        // Far above what a test takes alone: beside others on few cores it takes a multiple of that.
        testTimeout: name === 'unit' ? 60_000 : 300_000,
        hookTimeout: 240_000,
        globalSetup: SETUP[name] ?? [],
      },
    })),
  },
});
