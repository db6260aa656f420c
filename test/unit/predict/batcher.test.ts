import { describe, expect, it } from 'vitest';
import { createBatcher, type Outcome } from '../../../workers/serving/batcher.js';

/** A runner whose runs end when the test says so. */
function gatedRunner() {
  const runs: { items: readonly number[]; finish: () => void; fail: (error: Error) => void }[] = [];
  const run = (items: readonly number[]) =>
    new Promise<readonly Outcome<number>[]>((resolve, reject) => {
      const outcomes = items.map(
        (n): Outcome<number> => (n < 0 ? { error: new Error(`bad ${n}`) } : { value: n * 10 }),
      );
      runs.push({ items, finish: () => resolve(outcomes), fail: reject });
    });
  return { runs, run };
}
const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 5));

describe('batcher', () => {
  it('starts at once when idle, and takes what arrived meanwhile up to the most', async () => {
    const { runs, run } = gatedRunner();
    const batcher = createBatcher(run, { max: 4, lanes: 1 });
    const first = batcher.submit(1);
    await turn();
    expect(runs.map((r) => r.items)).toEqual([[1]]);
    const rest = [2, 3, 4, 5, 6, 7].map((n) => batcher.submit(n));
    await turn();
    expect(runs).toHaveLength(1);
    expect(batcher.waiting).toBe(6);
    runs[0]?.finish();
    expect((await first).batch).toBe(1);
    await turn();
    expect(runs[1]?.items).toEqual([2, 3, 4, 5]);
    runs[1]?.finish();
    await turn();
    expect(runs[2]?.items).toEqual([6, 7]);
    runs[2]?.finish();
    const results = await Promise.all(rest);
    expect(results.map((r) => r.value)).toEqual([20, 30, 40, 50, 60, 70]);
    expect(results.map((r) => r.batch)).toEqual([4, 4, 4, 4, 2, 2]);
    expect(results[0]?.queueMs).toBeGreaterThan(0);
  });

  it('fails one item alone, and a whole batch when the run fails, and goes on', async () => {
    const { runs, run } = gatedRunner();
    const batcher = createBatcher(run, { max: 4, lanes: 1 });
    const together = Promise.allSettled([1, -2, 3].map((n) => batcher.submit(n)));
    await turn();
    runs[0]?.finish();
    expect((await together).map((r) => r.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    const doomed = Promise.allSettled([4, 5].map((n) => batcher.submit(n)));
    await turn();
    runs[1]?.fail(new Error('engine'));
    expect((await doomed).map((r) => r.status)).toEqual(['rejected', 'rejected']);
    const next = batcher.submit(6);
    await turn();
    runs[2]?.finish();
    expect((await next).value).toBe(60);
  });

  it('frees the place of who aborts while waiting, and runs no more for it', async () => {
    const { runs, run } = gatedRunner();
    const batcher = createBatcher(run, { max: 4, lanes: 1 });
    const first = batcher.submit(1);
    await turn();
    const controller = new AbortController();
    const leaver = batcher.submit(2, { signal: controller.signal });
    const stayer = batcher.submit(3);
    controller.abort(new Error('went away'));
    await expect(leaver).rejects.toThrow('went away');
    await expect(batcher.submit(9, { signal: controller.signal })).rejects.toThrow('went away');
    expect(batcher.waiting).toBe(1);
    runs[0]?.finish();
    await first;
    await turn();
    expect(runs[1]?.items).toEqual([3]);
    runs[1]?.finish();
    expect((await stayer).value).toBe(30);
  });

  it('shares what waits evenly among idle lanes', async () => {
    const { runs, run } = gatedRunner();
    const batcher = createBatcher(run, { max: 4, lanes: 2 });
    const first = [1, 2, 3].map((n) => batcher.submit(n));
    await turn();
    expect(runs.map((r) => r.items)).toEqual([[1, 2], [3]]);
    const rest = [4, 5, 6, 7, 8].map((n) => batcher.submit(n));
    await turn();
    expect(runs).toHaveLength(2);
    runs[1]?.finish();
    await turn();
    expect(runs[2]?.items).toEqual([4, 5, 6, 7]);
    runs[0]?.finish();
    await turn();
    expect(runs[3]?.items).toEqual([8]);
    for (const { finish } of runs) finish();
    expect((await Promise.all([...first, ...rest])).map((r) => r.value)).toEqual([10, 20, 30, 40, 50, 60, 70, 80]);
  });

  it('lets requests take turns, whoever has more waiting', async () => {
    const { runs, run } = gatedRunner();
    const batcher = createBatcher(run, { max: 4, lanes: 1 });
    const many = Array.from({ length: 100 }, (_, n) => batcher.submit(n, { of: 'many' }));
    await turn();
    const one = batcher.submit(1000, { of: 'one' });
    const two = batcher.submit(2000, { of: 'two' });
    for (let step = 0; step < 4; step++) {
      runs[step]?.finish();
      await turn();
    }
    // At most one more run of the many before each of the others; theirs are filled up with what the many have.
    expect(runs.slice(0, 4).map((r) => r.items.filter((n) => n >= 1000))).toEqual([[], [], [1000, 2000], []]);
    expect(runs[2]?.items).toHaveLength(4);
    expect((await Promise.all([one, two])).map((r) => r.value)).toEqual([10_000, 20_000]);
    for (let step = 4; step < 26; step++) {
      runs[step]?.finish();
      await turn();
    }
    expect((await Promise.all(many)).map((r) => r.value)).toEqual(many.map((_, n) => n * 10));
    expect(runs).toHaveLength(26);
  });

  it('bounds a run by what its items cost, and puts together only those of one bucket', async () => {
    const { runs, run } = gatedRunner();
    // As texts are: what an item costs is its length, and rows of one length run together.
    const standing = (length: number) => ({ bucket: length, cost: length });
    const batcher = createBatcher(run, { max: 32, lanes: 1, standing });
    const lengths = [16, 16, 16, 8, 8, 8, 8, 8, 64];
    const all = lengths.map((n) => batcher.submit(n, { of: 'one' }));
    await turn();
    for (let step = 0; step < 6; step++) {
      runs[step]?.finish();
      await turn();
    }
    expect((await Promise.all(all)).map((r) => r.value)).toEqual(lengths.map((n) => n * 10));
    const seen = runs.map((r) => r.items);
    for (const items of seen) {
      expect(new Set(items).size).toBe(1);
      expect(items.length === 1 || items.reduce((a, b) => a + b) <= 32).toBe(true);
    }
    // The fullest first; one longer than a run may be goes alone.
    expect(seen).toEqual([[64], [16, 16], [8, 8, 8, 8], [16], [8]]);
  });

  it('answers everyone exactly once under random load', async () => {
    const sizes: number[] = [];
    const batcher = createBatcher<number, number>(
      async (items) => {
        sizes.push(items.length);
        await new Promise((resolve) => setTimeout(resolve, items.length % 3));
        return items.map((n) => ({ value: n }));
      },
      { max: 8, lanes: 3 },
    );
    const answers = await Promise.all(
      Array.from({ length: 300 }, async (_, n) => {
        await new Promise((resolve) => setTimeout(resolve, (n * 7919) % 40));
        return (await batcher.submit(n)).value;
      }),
    );
    expect(answers).toEqual(Array.from({ length: 300 }, (_, n) => n));
    expect(sizes.reduce((a, b) => a + b, 0)).toBe(300);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(8);
  });
});
