import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { askBroker } from '../../support/broker.js';

/**
 * A home of its own as a first start leaves it: the database made, the bases that come along checked, nothing else in it.
 * Spares every test the work that a first start goes on with in the background.
 */
export async function preparedHome(): Promise<string> {
  const { home: first } = await askBroker<{ home: string }>(inject('homeBroker'));
  const home = mkdtempSync(join(tmpdir(), 'graft-e2e-'));
  execFileSync('cp', ['-a', `${first}/.`, home]);
  // Its Postgres would ask for the port of the first again, and so would all that run beside it.
  for (const left of ['postgres/port', 'logs']) rmSync(join(home, left), { recursive: true, force: true });
  return home;
}
