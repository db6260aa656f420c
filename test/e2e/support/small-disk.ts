import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why this process may not mount file systems; null where it may. */
export function whyNoMount(): string | null {
  const probe = mkdtempSync(join(tmpdir(), 'graft-mount-'));
  try {
    smallDisk(probe, 1).unmount();
    return null;
  } catch (error) {
    return String((error as { stderr?: Buffer }).stderr ?? (error as Error).message).trim();
  } finally {
    rmdirSync(probe);
  }
}

export interface SmallDisk {
  freeBytes(): number;
  unmount(): void;
}

/** A real file system of `megabytes` in memory in place of the folder, with what the folder held. */
export function smallDisk(folder: string, megabytes: number): SmallDisk {
  mkdirSync(folder, { recursive: true });
  const kept = mkdtempSync(join(tmpdir(), 'graft-kept-'));
  const copy = (from: string, to: string) => execFileSync('cp', ['-a', `${from}/.`, to], { stdio: 'pipe' });
  copy(folder, kept);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], { stdio: 'pipe' });
    copy(kept, folder);
  } finally {
    rmSync(kept, { recursive: true });
  }
  return {
    freeBytes: () => {
      const { bavail, bsize } = statfsSync(folder);
      return bavail * bsize;
    },
    unmount: () => execFileSync('umount', [folder], { stdio: 'pipe' }),
  };
}
