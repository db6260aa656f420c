/** So many wrong keys of one address within the window are looked up; then none is until it ends. */
const MOST = 60;
const WINDOW_MS = 60_000;
/** Beyond this many addresses at one time the longest known ones are forgotten. */
const MOST_ADDRESSES = 10_000;

/** Counts the wrong keys that come from each address in this process. */
export interface FailedKeys {
  add(address: string): void;
  /** Seconds until keys of this address are looked up again; null: they are. */
  wait(address: string): number | null;
}

export function failedKeys(now: () => number = Date.now): FailedKeys {
  const failed = new Map<string, { count: number; readonly until: number }>();
  const current = (address: string) => {
    const found = failed.get(address);
    if (found !== undefined && found.until > now()) return found;
    failed.delete(address);
    return null;
  };
  return {
    add(address) {
      const found = current(address);
      if (found !== null) {
        found.count += 1;
        return;
      }
      const [oldest] = failed.keys();
      if (failed.size >= MOST_ADDRESSES && oldest !== undefined) failed.delete(oldest);
      failed.set(address, { count: 1, until: now() + WINDOW_MS });
    },
    wait(address) {
      const found = current(address);
      return found === null || found.count < MOST ? null : Math.ceil((found.until - now()) / 1000);
    },
  };
}
