import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/local/embedded-postgres.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Loopback port that answers with the address of this run's Postgres, which it starts when first asked. */
    postgresBroker: number;
  }
}

/** One Postgres per suite that asks for one: a suite that never does starts none. It may lose its data, so no fsync. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let dir: string | null = null;
  let starting: Promise<EmbeddedPostgres> | null = null;
  const start = async () => {
    dir = await mkdtemp(join(tmpdir(), 'graft-test-'));
    return startEmbeddedPostgres({
      dir,
      settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '150' },
    });
  };
  const broker = createServer((socket) => {
    socket.on('error', () => {});
    starting ??= start();
    starting.then(
      ({ url }) => socket.end(JSON.stringify({ url })),
      (error: Error) => socket.end(JSON.stringify({ error: error.message })),
    );
  });
  await new Promise<void>((done, fail) => broker.once('error', fail).listen(0, '127.0.0.1', done));
  project.provide('postgresBroker', (broker.address() as { port: number }).port);
  return async () => {
    broker.close();
    await (await starting?.catch(() => null))?.stop();
    if (dir !== null) await rm(dir, { recursive: true, force: true });
  };
}
