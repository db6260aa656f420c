import { readdirSync, readFileSync } from 'node:fs';

export interface Seen {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** Every process of this machine that still runs (no zombies), from /proc. */
export function processes(): readonly Seen[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (state === 'Z' || state === 'X') return [];
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return [{ pid: Number(name), parent: Number(parent), command }];
      } catch {
        return [];
      }
    });
}

/** `pid` and everything below it. */
export function treeOf(pid: number): readonly Seen[] {
  const all = processes();
  const found = all.filter((one) => one.pid === pid);
  for (let i = 0; i < found.length; i++) found.push(...all.filter((one) => one.parent === found[i]!.pid));
  return found;
}

export function isAlive(pid: number): boolean {
  return processes().some((one) => one.pid === pid);
}
