import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { processBirth } from './postgres-processes.js';

/**
 * Takes a directory for this process, so that only one supervisor stands on it. Left behind by a process that was
 * killed, it is taken over. Throws with the holder's process id while that lives.
 */
export async function lockDirectory(dir: string): Promise<{ release(): Promise<void> }> {
  const path = join(dir, 'supervisor.json');
  const mine = `${path}.${process.pid}`;
  await writeFile(mine, JSON.stringify({ pid: process.pid, birth: processBirth(process.pid) }));
  try {
    for (let tries = 0; ; tries++) {
      try {
        // A link appears whole or not at all, and only where nothing is: an open with O_EXCL could be read half-written.
        await link(mine, path);
        return { release: () => rm(path, { force: true }) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = await readFile(path, 'utf8').then(
        (text) => JSON.parse(text) as { pid: number; birth: string | null },
        () => null,
      );
      if (holder !== null && processBirth(holder.pid) === holder.birth && holder.birth !== null) {
        throw new Error(
          `The Postgres in ${dir} is in use by process ${holder.pid}. End that process first, or give this one another folder (GRAFT_HOME).`,
        );
      }
      if (tries === 3) throw new Error(`Cannot take ${path}: remove it if no other process uses this folder.`);
      await rm(path, { force: true });
    }
  } finally {
    await rm(mine, { force: true });
  }
}
