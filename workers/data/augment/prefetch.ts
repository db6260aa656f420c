/**
 * Yields what the promises of `source` give, in order, with `ahead` of them under way while the consumer works on one:
 * `for await (const batch of prefetch(batches(), 3)) await step(batch)`, where `batches` is a generator of promises. A
 * failure is thrown when its turn comes. On a failure and when the consumer leaves early, `source` is closed, and this ends
 * only after everything that was begun has ended.
 */
export async function* prefetch<T>(source: Iterable<Promise<T>>, ahead: number): AsyncGenerator<T, void, void> {
  if (!Number.isInteger(ahead) || ahead < 1)
    throw new RangeError(`prefetch: ahead is ${ahead}; it must be a whole number of at least 1.`);
  const iterator = source[Symbol.iterator]();
  const waiting: Promise<T>[] = [];
  let open = true;
  const fill = () => {
    while (open && waiting.length < ahead) {
      const coming = begin();
      if (!coming) return;
      // It is thrown when its turn comes; until then it must not end the process.
      coming.catch(() => {});
      waiting.push(coming);
    }
  };
  const begin = (): Promise<T> | null => {
    try {
      const { done, value } = iterator.next();
      if (done) open = false;
      return done ? null : value;
    } catch (error) {
      open = false;
      return Promise.reject(error);
    }
  };
  try {
    for (fill(); waiting.length > 0; ) {
      const value = await waiting.shift()!;
      fill();
      yield value;
    }
  } finally {
    if (open) iterator.return?.();
    await Promise.allSettled(waiting);
  }
}
