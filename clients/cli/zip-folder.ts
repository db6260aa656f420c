import { createWriteStream, type Dirent } from 'node:fs';
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

export interface ArchiveOptions {
  /** Files that stay out, by their absolute paths. */
  readonly without?: ReadonlySet<string> | undefined;
  /** Whether links to files stand for those files, as in the hub libraries' caches; else every link is left out. */
  readonly links?: boolean;
}

/**
 * A folder as a zip in a temporary file (pictures are compressed already: stored), or the file itself. Sorted names and a
 * fixed time, so that the same folder always has the same digest.
 */
export async function archiveOf(path: string, { without, links = false }: ArchiveOptions = {}): Promise<Archive> {
  const source = resolve(path);
  if (!(await stat(source)).isDirectory())
    return { path: source, name: basename(source), skipped: 0, dispose: async () => {} };
  const zip = new yazl.ZipFile();
  const entries = await readdir(source, { recursive: true, withFileTypes: true });
  const pathOf = (entry: Dirent) => join(entry.parentPath, entry.name);
  const linked = entries.filter((entry) => entry.isSymbolicLink()).map(pathOf);
  const isFile = async (link: string) => (await stat(link).catch(() => null))?.isFile() ?? false;
  const followed = links
    ? (await Promise.all(linked.map(async (link) => ((await isFile(link)) ? [link] : [])))).flat()
    : [];
  const skipped = linked.length - followed.length;
  const files = [...entries.filter((entry) => entry.isFile()).map(pathOf), ...followed];
  if (files.length === 0) throw new Error(`There is no file in the folder '${path}'.`);
  for (const file of files.filter((one) => !without?.has(one)).sort()) {
    zip.addFile(file, relative(source, file).split(sep).join('/'), { compress: false, mtime: MTIME, mode: 0o100644 });
  }
  zip.end();
  const folder = await mkdtemp(join(tmpdir(), 'graft-'));
  const target = join(folder, `${basename(source)}.zip`);
  await pipeline(zip.outputStream, createWriteStream(target));
  return { path: target, name: basename(source), skipped, dispose: () => rm(folder, { recursive: true, force: true }) };
}
