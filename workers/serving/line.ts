/** Where an entry stands in a line. */
export interface Standing {
  /** Whose it is: nobody's many entries keep another's few waiting. */
  readonly of: unknown;
  /** Only entries of one bucket are taken together. */
  readonly bucket: number;
  /** What it adds to a batch. */
  readonly cost: number;
}
export interface Line<E> {
  readonly size: number;
  /** Call the returned function to leave the line; it does nothing once the entry was taken. */
  add(entry: E, at: Standing): () => void;
  /**
   * The next batch, one entry at least, of a cost of at most `most`; empty where nobody waits. `lanes` take their share of all,
   * but no less than `least`.
   */
  take(most: number, lanes: number, least: number): E[];
}
interface Bucket<E> {
  readonly entries: Map<E, number>;
  cost: number;
}

/**
 * A line in which those who wait take turns. Whose turn it is gives the bucket of which he has most waiting, and what fits beside
 * his is taken from the others; then he goes to the end. So an entry waits for one batch of each of the others at most, and
 * batches are as full as what is there allows.
 */
export function createLine<E>(): Line<E> {
  /** In the order of their turns. */
  const waiting = new Map<unknown, Map<number, Bucket<E>>>();
  let [size, total] = [0, 0];

  function remove(entry: E, { of, bucket: key }: Pick<Standing, 'of' | 'bucket'>): number {
    const buckets = waiting.get(of);
    const bucket = buckets?.get(key);
    const cost = bucket?.entries.get(entry);
    if (buckets === undefined || bucket === undefined || cost === undefined) return 0;
    bucket.entries.delete(entry);
    bucket.cost -= cost;
    size -= 1;
    total -= cost;
    if (bucket.entries.size === 0) buckets.delete(key);
    if (buckets.size === 0) waiting.delete(of);
    return cost;
  }

  function add(entry: E, at: Standing): () => void {
    const { of, bucket: key, cost } = at;
    const buckets = waiting.get(of) ?? new Map<number, Bucket<E>>();
    const bucket = buckets.get(key) ?? { entries: new Map<E, number>(), cost: 0 };
    waiting.set(of, buckets.set(key, bucket));
    bucket.entries.set(entry, cost);
    bucket.cost += cost;
    size += 1;
    total += cost;
    return () => void remove(entry, at);
  }

  function take(most: number, lanes: number, least: number): E[] {
    const [turn] = waiting;
    if (turn === undefined) return [];
    const [of, buckets] = turn;
    const [key] = [...buckets].reduce((best, next) => (next[1].cost > best[1].cost ? next : best));
    const share = Math.min(most, Math.max(least, Math.ceil(total / lanes)));
    const batch: E[] = [];
    let filled = 0;
    for (const [other, theirs] of waiting) {
      if (filled >= share) break;
      for (const [entry, cost] of theirs.get(key)?.entries ?? []) {
        if (batch.length > 0 && filled + cost > share) break;
        filled += remove(entry, { of: other, bucket: key });
        batch.push(entry);
      }
    }
    waiting.delete(of);
    if (buckets.size > 0) waiting.set(of, buckets);
    return batch;
  }

  return {
    get size() {
      return size;
    },
    add,
    take,
  };
}
