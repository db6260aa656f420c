/** At most so many tasks at once; the others wait in the order in which they came. */
export interface Places {
  /** Starts at once, before returning, where there is a place. */
  run<T>(task: () => Promise<T>): Promise<T>;
  /** When none is under way or waiting. */
  empty(): Promise<void>;
}

export function places(count: number): Places {
  const waiting: (() => void)[] = [];
  const underway = new Set<Promise<unknown>>();
  let free = count;
  const enter = async <T>(task: () => Promise<T>): Promise<T> => {
    // A place that is given up goes straight to the next in line; `free` counts only those nobody waited for.
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
  return {
    run(task) {
      const result = enter(task);
      underway.add(result);
      const leave = () => {
        underway.delete(result);
      };
      result.then(leave, leave);
      return result;
    },
    async empty() {
      while (underway.size > 0) await Promise.allSettled(underway);
    },
  };
}
