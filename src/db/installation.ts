import { installed } from '../installation.js';

/** The one project of this version; every row belongs to a project, so that more can come without a migration of data. */
export const DEFAULT_PROJECT_ID = 'prj_00000000000000000000000000';

/** `prisma/migrations` of this installation. */
export function migrationsFolder(): string {
  const found = installed('prisma', 'migrations');
  if (found === null) throw new Error('prisma/migrations is missing from this installation.');
  return found;
}
