import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The one project of this version; every row belongs to a project, so that more can come without a migration of data. */
export const DEFAULT_PROJECT_ID = 'prj_00000000000000000000000000';

/** `prisma/migrations` of this installation, found from sources and from `dist` alike. */
export function migrationsFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const found = join(folder, 'prisma', 'migrations');
    if (existsSync(found)) return found;
  }
  throw new Error('prisma/migrations is missing from this installation.');
}
