import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The shared data beside the project, used in place. Who cloned only the project has none: then the tests that need it
 * say so and are left out; in CI it must be there.
 */
const folder = join(dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))), 'shared', 'data');

export function sharedData(...path: string[]): string | null {
  const found = join(folder, ...path);
  if (existsSync(found)) return found;
  if (process.env.CI === 'true') throw new Error(`In CI the shared data must be there: ${found}`);
  process.stderr.write(`${found} is absent: the tests on it are left out.\n`);
  return null;
}
