/** Repeats `check` until it no longer throws; throws its last error after `ms`. */
export async function until<T>(check: () => T | Promise<T>, ms = 30_000, everyMs = 50): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }
}
