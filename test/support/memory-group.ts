import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface MemoryGroup {
  /** A process that writes its id here is in the group from then on. */
  readonly procs: string;
  remove(): void;
}

/** A control group below this process's own whose processes may use so much memory. Throws where that is not permitted. */
export function memoryGroup(megabytes: number): MemoryGroup {
  const mine = readFileSync('/proc/self/cgroup', 'utf8');
  const v1 = /^\d+:memory:(.*)$/m.exec(mine)?.[1];
  const root = '/sys/fs/cgroup';
  const parent = v1 === undefined ? join(root, /^0::(.*)$/m.exec(mine)?.[1] ?? '') : join(root, 'memory', v1);
  const folder = join(parent, `graft-test-${randomBytes(4).toString('hex')}`);
  mkdirSync(folder);
  try {
    writeFileSync(join(folder, v1 === undefined ? 'memory.max' : 'memory.limit_in_bytes'), String(megabytes << 20));
    // Without this a machine with swap would only become slow.
    const swap = join(folder, v1 === undefined ? 'memory.swap.max' : 'memory.memsw.limit_in_bytes');
    if (existsSync(swap)) writeFileSync(swap, String(v1 === undefined ? 0 : megabytes << 20));
  } catch (error) {
    rmdirSync(folder);
    throw error;
  }
  return { procs: join(folder, 'cgroup.procs'), remove: () => rmdirSync(folder) };
}

/** Why this process may not make such groups; null where it may. */
export function whyNoMemoryGroup(): string | null {
  try {
    memoryGroup(64).remove();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
