import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The built file of a child process's entry, `path` relative to `workers/` without its ending. Also when this runs from
 * sources (the tests do): a child is a plain `node`, which takes no TypeScript before version 22.
 */
export function entryOf(path: string): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const beside = join(here, `${path}.js`);
  const built = existsSync(beside) ? beside : join(dirname(here), 'dist', 'workers', `${path}.js`);
  if (!existsSync(built)) throw new Error(`${built} is missing; run \`npm run build\`.`);
  return built;
}
