import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

/** A file that nothing wrote to for this long, and that no blob names, belongs to a process that is gone. */
const ORPHAN_MS = 6 * 3600 * 1000;

/** The keys of all blobs below `root`. */
export async function* keysOf(root: string): AsyncGenerator<string> {
  const meta = join(root, 'meta');
  for (const entry of await readdir(meta, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = relative(meta, join(entry.parentPath, entry.name));
    yield path
      .split(sep)
      .join('/')
      .replace(/\.json$/, '');
  }
}

async function old(folder: string, olderThanMs: number): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(folder)) {
    const info = await stat(join(folder, name)).catch(() => null);
    if (info !== null && Date.now() - info.mtimeMs > olderThanMs) found.push(name);
  }
  return found;
}

/** Removes what writers that are gone left unfinished in `parts`. */
export async function sweepParts(parts: string): Promise<void> {
  for (const name of await old(parts, ORPHAN_MS)) await rm(join(parts, name), { force: true });
}

/**
 * Removes files of bytes that no blob names and that are old: of writers that ended before they made theirs visible, or after
 * they replaced another's. Returns how many.
 */
export async function sweepFilesystemBlobs(root: string, olderThanMs: number = ORPHAN_MS): Promise<number> {
  const files = join(root, 'files');
  // Listed before the names are read: what is named later is not in the list.
  const lost = new Set(await old(files, olderThanMs));
  if (lost.size === 0) return 0;
  for await (const key of keysOf(root)) {
    const text = await readFile(join(root, 'meta', `${key}.json`), 'utf8').catch(() => '{}');
    lost.delete((JSON.parse(text) as { file?: string }).file ?? '');
  }
  for (const name of lost) await rm(join(files, name), { force: true });
  return lost.size;
}
