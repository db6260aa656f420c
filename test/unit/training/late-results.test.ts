import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { random } from '../../../src/tasks/random.js';
import type { Executor } from '../../../workers/executors/executor.js';
import { onnxruntimeExecutor } from '../../../workers/executors/onnxruntime.js';
import { readCheckpoint } from '../../../workers/training/fine-tune/checkpoint.js';
import type { TuneRequest } from '../../../workers/training/fine-tune/graphs.js';
import { type LoopSettings, tune } from '../../../workers/training/fine-tune/loop.js';
import type { HeldSource } from '../../../workers/training/fine-tune/measure.js';
import type { TuneSource } from '../../../workers/training/fine-tune/plan.js';
import type { Snapshot, Tuner } from '../../../workers/training/fine-tune/trainer.js';
import { CROP, smallNet } from '../../support/small-net.js';
import { BATCH, CLASSES, smallTuner } from '../../support/tuning.js';

const inOrder = onnxruntimeExecutor({ threads: 1 });
/** An engine that tunes as for a device of its own. */
const queued: Executor = { ...inOrder, queued: true };
const open: Tuner[] = [];
afterAll(async () => {
  for (const net of open) await net.dispose();
  await inOrder.dispose();
});

const ALL = { averages: true, unfreezes: true, liveStatistics: true } as const;

async function made(executor: Executor, o: Partial<TuneRequest> = {}, opset = 13): Promise<Tuner> {
  const net = await smallTuner(executor, o, { ...smallNet(), opsets: new Map([['', opset]]) });
  open.push(net);
  return net;
}

function input(number: number) {
  const next = random(number);
  const data = Uint8Array.from({ length: BATCH * CROP * CROP * 3 }, () => 256 * next());
  const targets = new Float32Array(BATCH * CLASSES);
  for (let k = 0; k < BATCH; k++) targets[k * CLASSES + ((k + number) % CLASSES)] = 1 / BATCH;
  return { number, data, targets, rate: 0.01, open: 2, averageDecay: 0.8 };
}
/** Rows that no network gives anything finite for. */
function endless(number: number) {
  const one = input(number);
  return { ...one, targets: one.targets.map((x) => x * Number.MAX_VALUE) };
}
const same = (a: Snapshot, b: Snapshot): boolean =>
  [...a].every(([name, data]) => data.every((x, i) => Object.is(x, b.get(name)![i])));

describe('a device that is told the next step before the last one is read', () => {
  it.each([
    ['adamw', {}],
    ['adamw', { ...ALL, accumulates: true, batch: 4 }],
    ['sgd', { ...ALL, clip: null }],
  ] as const)('ends with the bits of one that is not: %s, %o', async (optimizer, o) => {
    const [a, b] = [await made(inOrder, { optimizer, ...o }), await made(queued, { optimizer, ...o })];
    expect([a.late, b.late]).toEqual([false, true]);
    const begun = await b.snapshot();
    const told = [];
    let unread = await b.submit(input(1));
    for (let number = 2; number <= 5; number++) {
      const next = await b.submit(input(number));
      told.push(await unread.read());
      unread = next;
    }
    told.push(await unread.read());
    for (const [i, one] of told.entries()) expect(one).toEqual(await a.step(input(i + 1)));
    expect(same(await a.snapshot(), await b.snapshot())).toBe(true);
    expect(same(begun, await b.snapshot())).toBe(false);
  });

  it.each([
    {},
    { ...ALL, accumulates: true, batch: 4 },
  ])('changes nothing from a step on that is not finite, and tells which: %o', async (o) => {
    const net = await made(queued, o);
    await net.step(input(1));
    const good = await net.snapshot();
    const bad = await net.submit(endless(2));
    const after = await net.submit(input(3));
    const { loss } = await bad.read();
    expect(Number.isFinite(loss)).toBe(false);
    expect(Number.isFinite((await after.read()).loss)).toBe(true);
    expect(same(good, await net.snapshot())).toBe(true);
    expect(await net.culprit(endless(2))).not.toBeNull();
    expect(await net.culprit(input(3))).toBeNull();
    // Whoever goes on from a state goes on as if nothing had happened, but for sums that are not part of it.
    await net.restore(good);
    await net.step(input(3));
    expect(same(good, await net.snapshot())).toBe(false);
  });

  it('reads each step before the next where the graph is too old to leave a value out', async () => {
    const net = await made(queued, {}, 8);
    expect(net.late).toBe(false);
    expect(Number.isFinite((await (await net.submit(input(1))).read()).loss)).toBe(true);
  });
});

describe('a run that reads each step after the next', () => {
  const settings: LoopSettings = {
    ...{ epochs: 3, rate: 0.02, schedule: 'linear', warmup: 0.1, patience: 100, unfreezing: 'none', layers: 1 },
    ...{ averageDecay: 0.5, averageUse: 'better', recipe: 'r', checkpointMs: 0, batch: BATCH, microBatch: BATCH },
    ...{ classes: CLASSES, labelSmoothing: 0, classWeights: null, seed: 4, folder: '' },
  };
  const PER_EPOCH = 4;
  /** Of which the `bad`th batch that is asked for has targets beyond all numbers. */
  const train = (bad: number): TuneSource => {
    let asked = 0;
    return {
      n: BATCH * PER_EPOCH,
      async batch(epoch, rows) {
        asked++;
        const { data, targets } = input(1 + 100 * epoch + rows[0]!);
        return { data, targets: targets.map((x) => (asked === bad ? Number.MAX_VALUE : BATCH) * x) };
      },
    };
  };
  const held: HeldSource = {
    labels: Int32Array.from({ length: BATCH }, (_, i) => i % CLASSES),
    async *batches() {
      yield input(50).data;
    },
  };
  async function go(executor: Executor, folder: string, { bad = -1, leaveAt = -1 } = {}) {
    const net = await made(executor, { averages: true });
    const points: unknown[] = [];
    let steps = 0;
    const control = {
      stopped: () => false,
      leaving: () => steps === leaveAt,
      breathe: async () => void steps++,
      leave: () => Promise.reject(new Error('left')),
    };
    const hooks = { metrics: (p: unknown) => void points.push(p), progress: () => {}, log: () => {} };
    const tuned = await tune(net, train(bad), held, { ...settings, folder }, control, hooks);
    return { points, tuned, state: await net.snapshot() };
  }
  const folders: string[] = [];
  const folder = async (): Promise<string> => {
    folders.push(await mkdtemp(join(tmpdir(), 'graft-late-')));
    return folders.at(-1)!;
  };
  afterAll(() => Promise.all(folders.map((one) => rm(one, { recursive: true }))));

  it('tells the same and ends the same, interrupted too', async () => {
    const whole = await go(inOrder, await folder());
    const late = await go(queued, await folder());
    expect(late.points).toEqual(whole.points);
    expect(late.tuned.position).toEqual(whole.tuned.position);
    expect(same(whole.state, late.state)).toBe(true);
    const parts = await folder();
    await expect(go(queued, parts, { leaveAt: 6 })).rejects.toThrow('left');
    const rest = await go(queued, parts);
    expect(rest.tuned.position).toEqual(whole.tuned.position);
    expect(same(whole.state, rest.state)).toBe(true);
  });

  it.each([5, 7, 8])('says at which step it diverged, and keeps the best so far: step %i', async (bad) => {
    const ends = [];
    for (const executor of [inOrder, queued]) {
      const where = await folder();
      const error = (await go(executor, where, { bad }).catch((e: unknown) => e)) as Error;
      const kept = await readCheckpoint(where, 'r', () => {});
      ends.push({ told: error.message, position: kept?.position, best: kept?.best, state: kept?.state });
    }
    expect(ends[1]).toEqual(ends[0]);
    expect(ends[1]!.told).toMatch(new RegExp(`diverged: at step ${bad} .*first tensor that holds`));
    expect(ends[1]!.position?.best.epoch).toBe(1);
  });
});
