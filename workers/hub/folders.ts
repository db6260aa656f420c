import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Repositories } from '../../src/domain/ports.js';

/** What is fetched for a base lies here until it is whole, so that another try, or the next worker, goes on with it. */
const rootOf = (home: string): string => join(home, 'hub');

/** The folder of a base's download; made where there is none. */
export async function downloadFolder(home: string, baseId: string): Promise<string> {
  const folder = join(rootOf(home), baseId);
  await mkdir(folder, { recursive: true });
  return folder;
}

export async function removeDownload(home: string, baseId: string): Promise<void> {
  await rm(join(rootOf(home), baseId), { recursive: true, force: true });
}

/** Removes the folders of bases that are not fetched any more: deleted meanwhile, or given up by a worker that ended. */
export async function sweepDownloads(home: string, bases: Pick<Repositories['bases'], 'downloading'>): Promise<number> {
  const there = await readdir(rootOf(home)).catch(() => [] as string[]);
  if (there.length === 0) return 0;
  const wanted = await bases.downloading(there);
  const lost = there.filter((id) => !wanted.has(id));
  for (const id of lost) await removeDownload(home, id);
  return lost.length;
}
