import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestProject } from 'vitest/node';
import { startBroker } from '../../support/broker.js';
import { startService } from './service.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Answers with a home that a first start prepared, once for all files of the suite. */
    homeBroker: number;
  }
}

const PREPARED_WITHIN_MS = 180_000;

/** A first start, until the bases that come along are checked, and an end in order. Returns the home. */
async function prepare(): Promise<{ home: string }> {
  const home = mkdtempSync(join(tmpdir(), 'graft-first-'));
  const service = await startService({ home });
  try {
    for (let waited = 0; !(await areReady(service.url)); waited += 100) {
      if (waited > PREPARED_WITHIN_MS) throw new Error('The bases that come along are not ready.');
      await sleep(100);
    }
    await service.end();
    return { home };
  } catch (error) {
    await service.stop();
    throw error;
  }
}

async function areReady(url: string): Promise<boolean> {
  const { data } = (await (await fetch(`${url}/v1/bases`)).json()) as { data: readonly { state: string }[] };
  return data.length > 0 && data.every(({ state }) => state === 'ready');
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const broker = await startBroker(prepare);
  project.provide('homeBroker', broker.port);
  return async () => {
    broker.close();
    const made = await broker.made()?.catch(() => null);
    if (made) await rm(made.home, { recursive: true, force: true });
  };
}
