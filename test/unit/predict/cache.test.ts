import { describe, expect, it } from 'vitest';
import { createCache } from '../../../workers/serving/cache.js';

function loader(bytes: number, closed: string[]) {
  return (key: string) => () => Promise.resolve({ value: key, bytes, close: () => void closed.push(key) });
}

describe('cache of loaded things', () => {
  it('loads a key once for all who ask at one time', async () => {
    const cache = createCache(100);
    let finish: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const load = async () => {
      await slow;
      return { value: 'v', bytes: 10, close: () => undefined };
    };
    const all = [1, 2, 3].map(() => cache.acquire('a', load));
    finish();
    expect((await Promise.all(all)).map((lease) => lease.value)).toEqual(['v', 'v', 'v']);
    expect(cache.loads).toBe(1);
  });

  it('evicts the least recently used, never what is in use', async () => {
    const closed: string[] = [];
    const load = loader(40, closed);
    const cache = createCache(100);
    const a = await cache.acquire('a', load('a'));
    (await cache.acquire('b', load('b'))).release();
    (await cache.acquire('c', load('c'))).release();
    expect(closed).toEqual(['b']);
    (await cache.acquire('d', load('d'))).release();
    expect(closed).toEqual(['b', 'c']);
    a.release();
    a.release();
    (await cache.acquire('e', load('e'))).release();
    expect(closed).toEqual(['b', 'c', 'a']);
    expect(cache.bytes).toBe(80);
    expect(cache.evictions).toBe(3);
  });

  it('serves one thing larger than the whole, and lets it go for the next', async () => {
    const closed: string[] = [];
    const cache = createCache(100);
    const big = await cache.acquire('big', loader(500, closed)('big'));
    expect(closed).toEqual([]);
    big.release();
    expect(closed).toEqual(['big']);
    expect(cache.bytes).toBe(0);
  });

  it('does not remember a load that failed', async () => {
    const cache = createCache(100);
    const failing = () => Promise.reject<never>(new Error('no such blob'));
    const both = await Promise.allSettled([cache.acquire('a', failing), cache.acquire('a', failing)]);
    expect(both.map((r) => r.status)).toEqual(['rejected', 'rejected']);
    expect(cache.size).toBe(0);
    expect((await cache.acquire('a', loader(1, [])('a'))).value).toBe('a');
  });

  it('closes a forgotten or cleared thing only when its last holder lets go', async () => {
    const closed: string[] = [];
    const cache = createCache(100);
    const held = await cache.acquire('a', loader(10, closed)('a'));
    cache.forget('a', 'another');
    expect(cache.size).toBe(1);
    cache.forget('a', 'a');
    expect([cache.size, closed.length]).toEqual([0, 0]);
    const next = await cache.acquire('a', loader(10, closed)('a2'));
    held.release();
    expect(closed).toEqual(['a']);
    cache.clear();
    next.release();
    expect(closed).toEqual(['a', 'a2']);
    expect(cache.bytes).toBe(0);
  });
});
