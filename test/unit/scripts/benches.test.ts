import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
/** `{ names } from '…/dist/path'`, `{ names } = await import('…/dist/path')` and `{ names } = await dist('path')`. */
const FORM =
  /\{([^{}]*)\}\s*(?:from|=\s*await\s+(?:import|dist)\()\s*(?:new URL\()?['"`](?:[^'"`]*dist\/)?((?:src|workers|clients)\/[^'"`]+\.js)['"`]/g;

function taken(): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  const files = readdirSync(join(root, 'bench'), { recursive: true, encoding: 'utf8' });
  for (const file of files.filter((name) => name.endsWith('.mjs') && !name.startsWith('out'))) {
    for (const [, names, path] of readFileSync(join(root, 'bench', file), 'utf8').matchAll(FORM)) {
      const all = found.get(path!) ?? new Set();
      for (const name of names!.split(','))
        if (name.trim() !== '') all.add(name.trim().split(/\s*(?::|\bas\b)\s*/)[0]!);
      found.set(path!, all);
    }
  }
  return found;
}

// Benches run on what was built and no compiler reads them: a name that is gone would be found by the one who measures.
it('benches take what the built modules have', async () => {
  const found = taken();
  expect(found.size).toBeGreaterThan(10);
  for (const [path, names] of found) {
    const built = join(root, 'dist', path);
    expect(existsSync(built), path).toBe(true);
    const exported = Object.keys((await import(built)) as object);
    expect(
      [...names].filter((name) => !exported.includes(name)),
      path,
    ).toEqual([]);
  }
});
