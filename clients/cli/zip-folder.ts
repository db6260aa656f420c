import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import yazl from 'yazl';

export interface Archive {
  readonly path: string;
  readonly name: string;
  /** Links that were left out. */
  readonly skipped: number;
  dispose(): Promise<void>;
}

/** The oldest time a zip can hold; a fixed one makes the same folder the same bytes. */
const MTIME = new Date(1980, 0, 1);

/**
 * A folder as a zip in a temporary file (pictures are compressed already: stored), or the file itself. Sorted names and a
 * fixed time, so that the same folder always has the same digest. Files in `without` (absolute paths) stay out.
 */
export async function archiveOf(path: string, without: ReadonlySet<string> = new Set()): Promise<Archive> {
  const source = resolve(path);
  if (!(await stat(source)).isDirectory())
    return { path: source, name: basename(source), skipped: 0, dispose: async () => {} };
  const zip = new yazl.ZipFile();
  const entries = await readdir(source, { recursive: true, withFileTypes: true });
  const skipped = entries.filter((entry) => entry.isSymbolicLink()).length;
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.filter((one) => !without.has(one)).sort()) {
    zip.addFile(file, relative(source, file).split(sep).join('/'), { compress: false, mtime: MTIME, mode: 0o100644 });
  }
  zip.end();
  const folder = await mkdtemp(join(tmpdir(), 'graft-'));
  const target = join(folder, `${basename(source)}.zip`);
  await pipeline(zip.outputStream, createWriteStream(target));
  return { path: target, name: basename(source), skipped, dispose: () => rm(folder, { recursive: true, force: true }) };
}
