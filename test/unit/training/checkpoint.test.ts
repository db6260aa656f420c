import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Checkpoint,
  forgetNewer,
  readCheckpoint,
  writeCheckpoint,
} from '../../../workers/training/fine-tune/checkpoint.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'graft-checkpoints-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (steps: number, recipe = 'recipe'): Checkpoint => ({
  position: {
    recipe,
    steps,
    momentsFrom: 2,
    best: { epoch: 1, of: 'average', accuracy: 0.75, loss: 0.5 },
    sinceBest: 3,
  },
  state: new Map([
    ['pack', Float32Array.of(steps, -0, 1e-40, Number.MAX_VALUE)],
    ['m(pack)', Float32Array.of(0.1)],
  ]),
  best: new Map([['pack', Float32Array.of(7)]]),
});
async function read(recipe = 'recipe') {
  const told: string[] = [];
  const found = await readCheckpoint(folder, recipe, (file, why) => told.push(`${file}: ${why}`));
  return { found, told };
}

describe('checkpoints', () => {
  it('come back to the bit; the newest two are kept, and nothing half written', async () => {
    for (const steps of [5, 10, 15]) await writeCheckpoint(folder, at(steps));
    const { found, told } = await read();
    expect(found).toEqual(at(15));
    expect(told).toEqual([]);
    expect((await readdir(folder)).sort()).toEqual(['000000010.checkpoint', '000000015.checkpoint']);
  });

  it.each([
    ['a flipped bit', (b: Buffer) => Buffer.from(b.map((x, i) => (i === b.length - 50 ? x ^ 1 : x))), /digest/],
    ['a flipped bit in its header', (b: Buffer) => Buffer.from(b.map((x, i) => (i === 40 ? x ^ 1 : x))), /digest/],
    ['an end that lacks', (b: Buffer) => b.subarray(0, b.length - 20), /digest/],
    ['a header only', (b: Buffer) => b.subarray(0, 30), /not a checkpoint, or ends in its header/],
    ['nothing in it', () => Buffer.alloc(0), /not a checkpoint/],
    ['other bytes', () => Buffer.alloc(5000, 'x'), /not a checkpoint/],
  ] as const)('with %s: the one before it is taken, and said so', async (_, damage, why) => {
    for (const steps of [5, 10]) await writeCheckpoint(folder, at(steps));
    const newest = join(folder, '000000010.checkpoint');
    await writeFile(newest, damage(await readFile(newest)));
    const { found, told } = await read();
    expect(found).toEqual(at(5));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/^000000010\.checkpoint: /);
    expect(told[0]).toMatch(why);
  });

  it('of another run are not taken, nor is there one where all are damaged', async () => {
    await writeCheckpoint(folder, at(5, 'another'));
    expect(await read()).toEqual({
      found: null,
      told: ['000000005.checkpoint: it belongs to a run with other settings'],
    });
    await writeFile(join(folder, '000000005.checkpoint'), 'x');
    expect((await read()).found).toBeNull();
    await rm(folder, { recursive: true });
    expect((await read()).found).toBeNull();
  });

  it('newer than a step are forgotten', async () => {
    for (const steps of [5, 10]) await writeCheckpoint(folder, at(steps));
    await forgetNewer(folder, 5);
    expect((await read()).found!.position.steps).toBe(5);
  });
});
