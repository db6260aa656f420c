import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file or folder of this installation by its path from the top, found from sources and from `dist` alike; null: missing. */
export function installed(...path: readonly string[]): string | null {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== dirname(folder); folder = dirname(folder)) {
    const found = join(folder, ...path);
    // `dist` mirrors the sources' folders: only the top has the package's own file.
    if (existsSync(join(folder, 'package.json'))) return existsSync(found) ? found : null;
  }
  return null;
}
