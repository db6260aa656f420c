import { createHash } from 'node:crypto';
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFeatureCache } from '../../../workers/training/feature-cache.js';

const WIDTH = 5;
const RECORD = 32 + WIDTH * 4 + 4;
const digest = (name: string) => `sha256:${createHash('sha256').update(name).digest('hex')}`;
const row = (i: number) => Float32Array.from({ length: WIDTH }, (_, d) => i + d / 10);
const rows = (indices: readonly number[]) => Float32Array.from(indices.flatMap((i) => [...row(i)]));

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'graft-features-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const open = (key = 'key', maxBytes = 1 << 20) => openFeatureCache({ root, key, width: WIDTH, maxBytes });
async function write(indices: readonly number[], key = 'key', maxBytes = 1 << 20): Promise<void> {
  const cache = await open(key, maxBytes);
  cache.add(
    indices.map((i) => digest(`${i}`)),
    rows(indices),
  );
  await cache.close();
}
/** Which of the examples 0..n-1 are missing, and the matrix that was read. */
async function read(n: number, key = 'key') {
  const cache = await open(key);
  const into = new Float32Array(n * WIDTH);
  const wanted = new Map(Array.from({ length: n }, (_, i) => [digest(`${i}`), [i]] as const));
  const missing = await cache.load(wanted, into);
  await cache.close();
  return { missing: Array.from({ length: n }, (_, i) => i).filter((i) => missing.has(digest(`${i}`))), into };
}
const shards = (key = 'key') => readdirSync(join(root, key)).map((name) => join(root, key, name));

describe('feature cache', () => {
  it('gives back the bits that were added, from several writers', async () => {
    await write([0, 1]);
    await write([3]);
    const { missing, into } = await read(4);
    expect(missing).toEqual([2]);
    expect(into.subarray(0, 2 * WIDTH)).toEqual(rows([0, 1]));
    expect(into.subarray(3 * WIDTH)).toEqual(row(3));
    expect((await read(4, 'other')).missing).toEqual([0, 1, 2, 3]);
  });

  it('fills every row of an example that occurs twice', async () => {
    await write([0]);
    const cache = await open();
    const into = new Float32Array(2 * WIDTH);
    expect((await cache.load(new Map([[digest('0'), [0, 1]]]), into)).size).toBe(0);
    expect(into).toEqual(rows([0, 0]));
    await cache.close();
  });

  it('knows a record that a crash cut off, at every length, from a whole one', async () => {
    await write([0, 1]);
    const [file] = shards();
    const whole = readFileSync(file!);
    for (let cut = 1; cut <= RECORD; cut += 7) {
      writeFileSync(file!, whole);
      truncateSync(file!, whole.length - cut);
      expect((await read(2)).missing).toEqual([1]);
    }
    writeFileSync(file!, whole);
    appendFileSync(file!, Buffer.alloc(17));
    expect((await read(2)).missing).toEqual([]);
  });

  it('knows a damaged record, and a file that is none of its own', async () => {
    await write([0, 1, 2]);
    const [file] = shards();
    const bytes = readFileSync(file!);
    bytes[bytes.length - 3 * RECORD + 40]! ^= 1;
    writeFileSync(file!, bytes);
    writeFileSync(join(root, 'key', 'x.features'), 'something else');
    writeFileSync(join(root, 'key', 'y.features'), '');
    expect((await read(3)).missing).toEqual([0]);
  });

  it('does not mix up widths', async () => {
    const cache = await openFeatureCache({ root, key: 'key', width: 3, maxBytes: 1 << 20 });
    cache.add([digest('0')], Float32Array.of(1, 2, 3));
    await cache.close();
    expect((await read(1)).missing).toEqual([0]);
  });

  it('deletes what was not used for longest when it is full', async () => {
    await write([0], 'a');
    await write([1], 'b');
    await write([2], 'c');
    const hour = (n: number) => new Date(Date.now() - n * 3_600_000);
    for (const [key, age] of [
      ['a', 3],
      ['b', 2],
      ['c', 1],
    ] as const)
      for (const file of shards(key)) utimesSync(file, hour(age), hour(age));
    // Reading makes 'a' the newest.
    await read(1, 'a');
    const size = readFileSync(shards('a')[0]!).length;
    await write([3], 'd', 3 * size);
    expect(readdirSync(root).sort()).toEqual(['a', 'c', 'd']);
  });

  it('writes nothing beyond its size, and nothing at all with size 0', async () => {
    await write([0, 1, 2, 3], 'key', 100);
    expect((await read(4)).missing).toEqual([0, 1, 2, 3]);
    await write([0], 'none', 0);
    expect(readdirSync(join(root, 'none'))).toEqual([]);
  });
});
