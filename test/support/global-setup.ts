import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/local/embedded-postgres.js';
import { startBroker } from './broker.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Answers with the address of this run's Postgres. */
    postgresBroker: number;
  }
}

/** One Postgres per suite that asks for one: a suite that never does starts none. It may lose its data, so no fsync. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let dir: string | null = null;
  const broker = await startBroker(async () => {
    dir = await mkdtemp(join(tmpdir(), 'graft-test-'));
    const { url, stop } = await startEmbeddedPostgres({
      dir,
      settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '150' },
    });
    return { url, stop };
  });
  project.provide('postgresBroker', broker.port);
  return async () => {
    broker.close();
    await (await broker.made()?.catch(() => null))?.stop();
    if (dir !== null) await rm(dir, { recursive: true, force: true });
  };
}
