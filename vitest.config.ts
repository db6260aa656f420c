import { defineConfig } from 'vitest/config';

/** Suites are projects so that one can be run alone: `npx vitest run --project unit`. */
export default defineConfig({
  test: {
    projects: ['unit', 'conformance', 'integration', 'e2e'].map((name) => ({
      test: {
        name,
        include: [`test/${name}/**/*.test.ts`],
        environment: 'node',
        pool: 'forks' as const,
        testTimeout: name === 'unit' ? 30_000 : 180_000,
        hookTimeout: 120_000,
        fileParallelism: name === 'unit',
        // Starts a Postgres only when a test asks for one (test/support/postgres.ts).
        ...(name === 'unit' ? {} : { globalSetup: ['test/support/global-setup.ts'] }),
      },
    })),
  },
});
