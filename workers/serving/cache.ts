/** A loaded thing in use; it is not evicted until `release` (once; more calls do nothing). */
export interface Lease<V> {
  readonly value: V;
  release(): void;
}
export interface Loaded<V> {
  readonly value: V;
  readonly bytes: number;
  close(): void;
}
/** Things of several kinds share the memory: what is under a key must always be of the same kind. */
export interface Cache {
  /** Loads of one key at one time are one load. A load that fails is not remembered. */
  acquire<V>(key: string, load: () => Promise<Loaded<V>>): Promise<Lease<V>>;
  /** Forgets a thing that broke by itself, if it is still the one under the key; those who hold it keep it. */
  forget(key: string, value: unknown): void;
  /** Closes what nobody holds, and the rest when it is released. */
  clear(): void;
  readonly bytes: number;
  readonly size: number;
  readonly loads: number;
  readonly evictions: number;
}

interface Entry {
  readonly key: string;
  readonly ready: Promise<Loaded<unknown>>;
  loaded: Loaded<unknown> | null;
  users: number;
}

/**
 * Least recently used by bytes. What is in use stays, so the total may pass `maxBytes` for as long as that takes, and one
 * thing larger than `maxBytes` is still served.
 */
export function createCache(maxBytes: number): Cache {
  /** In order of last use. */
  const entries = new Map<string, Entry>();
  let [bytes, loads, evictions] = [0, 0, 0];

  function drop(entry: Entry): void {
    if (entries.get(entry.key) === entry) entries.delete(entry.key);
    if (entry.loaded === null || entry.users > 0) return;
    bytes -= entry.loaded.bytes;
    entry.loaded.close();
    entry.loaded = null;
  }
  function shrink(): void {
    for (const entry of entries.values()) {
      if (bytes <= maxBytes) return;
      if (entry.users > 0 || entry.loaded === null) continue;
      evictions += 1;
      drop(entry);
    }
  }
  function release(entry: Entry): void {
    entry.users -= 1;
    if (entries.get(entry.key) !== entry) drop(entry);
    else shrink();
  }

  async function acquire<V>(key: string, load: () => Promise<Loaded<V>>): Promise<Lease<V>> {
    let entry = entries.get(key);
    if (entry === undefined) {
      loads += 1;
      const fresh: Entry = { key, ready: load(), loaded: null, users: 0 };
      fresh.ready.then(
        (loaded) => {
          fresh.loaded = loaded;
          bytes += loaded.bytes;
          shrink();
        },
        () => drop(fresh),
      );
      entry = fresh;
    }
    const held = entry;
    entries.delete(key);
    entries.set(key, held);
    held.users += 1;
    try {
      const { value } = (await held.ready) as Loaded<V>;
      let done = false;
      return {
        value,
        release: () => {
          if (done) return;
          done = true;
          release(held);
        },
      };
    } catch (error) {
      held.users -= 1;
      throw error;
    }
  }

  return {
    acquire,
    forget: (key, value) => {
      const entry = entries.get(key);
      if (entry !== undefined && entry.loaded?.value === value) drop(entry);
    },
    clear: () => {
      for (const entry of [...entries.values()]) drop(entry);
    },
    get bytes() {
      return bytes;
    },
    get size() {
      return entries.size;
    },
    get loads() {
      return loads;
    },
    get evictions() {
      return evictions;
    },
  };
}
