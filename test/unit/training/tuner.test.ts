import { afterAll, describe, expect, it } from 'vitest';
import { type Model, numbers, tensor, withInitializers } from '../../../src/onnx/index.js';
import { random } from '../../../src/tasks/random.js';
import { onnxruntimeExecutor } from '../../../workers/executors/onnxruntime.js';
import type { TuneRequest } from '../../../workers/training/fine-tune/graphs.js';
import { scaledTargets } from '../../../workers/training/fine-tune/plan.js';
import { oneHot } from '../../../workers/training/fine-tune/sources.js';
import type { Snapshot, Tuner } from '../../../workers/training/fine-tune/trainer.js';
import { CROP, smallNet } from '../../support/small-net.js';
import { BATCH, CLASSES, smallTuner } from '../../support/tuning.js';

const executor = onnxruntimeExecutor({ threads: 1 });
const open: Tuner[] = [];
afterAll(async () => {
  for (const net of open) await net.dispose();
  await executor.dispose();
});

const UNWEIGHTED = { classes: CLASSES, labelSmoothing: 0, classWeights: null };

async function made(o: Partial<TuneRequest> = {}, net?: Model): Promise<Tuner> {
  const result = await smallTuner(executor, o, net);
  open.push(result);
  return result;
}

/** A batch in passes of `size`, filled up with rows that count for nothing. */
function batch(size: number, seed = 3) {
  const next = random(seed);
  const rows = Math.ceil(BATCH / size) * size;
  const pixels = CROP * CROP * 3;
  const data = new Uint8Array(rows * pixels);
  for (let i = 0; i < BATCH * pixels; i++) data[i] = Math.floor(256 * next());
  const labels = Int32Array.from({ length: rows }, (_, i) => i % CLASSES);
  const targets = oneHot([...labels.keys()], labels, CLASSES);
  return { data, targets: scaledTargets(targets, BATCH, UNWEIGHTED) };
}
const STEP = { rate: 0.01, open: 100, averageDecay: 0.8 };
async function run(net: Tuner, size: number, steps: number, o: Partial<typeof STEP> = {}) {
  const told = [];
  for (let number = 1; number <= steps; number++)
    told.push(await net.step({ number, ...batch(size, number), ...STEP, ...o }));
  return told;
}
/** Largest difference of tensors, by the size of the largest number. */
function apart(a: Snapshot, b: Snapshot): number {
  let most = 0;
  for (const [name, values] of a) {
    const other = b.get(name)!;
    const scale = Math.max(...values.map(Math.abs), 1e-6);
    for (const [i, x] of values.entries()) most = Math.max(most, Math.abs(x - other[i]!) / scale);
  }
  return most;
}
const byName = async (net: Tuner) =>
  new Map(net.tensors(await net.weights('trained')).map((t) => [t.name, Float32Array.from(numbers(t))]));

describe('gradients added up over passes', () => {
  it.each([
    ['adamw', 4],
    ['adamw', 3],
    ['sgd', 1],
  ] as const)('make the same step as one pass: %s, passes of %i', async (optimizer, size) => {
    const whole = await made({ optimizer });
    const parts = await made({ optimizer, batch: size, accumulates: true });
    const [a, b] = [await run(whole, BATCH, 4), await run(parts, size, 4)];
    for (const [i, { loss, norm }] of a.entries()) {
      expect(b[i]!.loss).toBeCloseTo(loss, 4);
      expect(b[i]!.norm / norm).toBeCloseTo(1, 3);
    }
    expect(apart(await whole.weights('trained'), await parts.weights('trained'))).toBeLessThan(2e-3);
    // And it was a step: what it changed is far more than by how much the two differ.
    expect(apart(await whole.weights('trained'), await (await made({ optimizer })).weights('trained'))).toBeGreaterThan(
      0.01,
    );
  });

  it('bring running statistics up to date in every pass', async () => {
    const parts = await made({ batch: 4, accumulates: true, liveStatistics: true });
    const before = await byName(parts);
    await run(parts, 4, 1);
    const after = await byName(parts);
    expect(apart(new Map([['mean1', before.get('mean1')!]]), after)).toBeGreaterThan(0.01);
  });
});

describe('the moving average', () => {
  it.each([false, true])('is that of the steps, accumulated %s, and what is measured by it', async (accumulates) => {
    const size = accumulates ? 4 : BATCH;
    const net = await made({ averages: true, accumulates, batch: size, liveStatistics: true });
    const wanted = new Map([...(await net.weights('average'))].map(([name, data]) => [name, Float64Array.from(data)]));
    for (let number = 1; number <= 3; number++) {
      await net.step({ number, ...batch(size, number), ...STEP });
      for (const [name, data] of await net.weights('trained'))
        for (const [i, x] of data.entries()) wanted.get(name)![i]! += 0.2 * (x - wanted.get(name)![i]!);
    }
    const average = await net.weights('average');
    for (const [name, data] of wanted)
      for (const [i, x] of data.entries()) expect(average.get(name)![i]!).toBeCloseTo(x, 5);
    const data = batch(size).data.subarray(0, size * CROP * CROP * 3);
    const [trained, averaged] = [await net.logits(data), await net.logits(data, 'average')];
    expect([...averaged]).not.toEqual([...trained]);
    await net.adopt(average);
    expect([...(await net.logits(data))]).toEqual([...averaged]);
  });
});

describe('layers that wait', () => {
  it('keep their values while their moments follow; those that are open move', async () => {
    const net = await made({ unfreezes: true });
    const begin = await byName(net);
    const moved = async () => {
      const now = await byName(net);
      return [...begin].filter(([name, data]) => data.some((x, i) => x !== now.get(name)![i])).map(([name]) => name);
    };
    await run(net, BATCH, 2, { open: 1 });
    expect((await moved()).sort()).toEqual(['bias2', 'conv2', 'head.bias', 'head.weight', 'scale2']);
    await run(net, BATCH, 1, { open: 3 });
    expect(await moved()).toContain('conv0');
    const all = await made();
    await run(all, BATCH, 1);
    const half = await made({ unfreezes: true });
    await run(half, BATCH, 1, { open: 3 });
    expect(apart(await all.snapshot(), await half.snapshot())).toBe(0);
  });
});

describe('weight decay', () => {
  it('takes from matrices and kernels, not from biases and normalisation', async () => {
    const net = await made({ weightDecay: 0.5 });
    const before = await byName(net);
    const { data, targets } = batch(BATCH);
    await net.step({ number: 1, ...STEP, data, targets: new Float32Array(targets.length) });
    const after = await byName(net);
    for (const [name, was] of before) {
      const left = /^conv|weight$/.test(name) ? 1 - STEP.rate * 0.5 : 1;
      for (const [i, x] of was.entries()) expect(after.get(name)![i]!).toBeCloseTo(x * left, 6);
    }
  });
});

describe('a step that is not finite', () => {
  const poisoned = (name: string, by = 1e30): Model => {
    const net = smallNet();
    const old = net.graph.initializers.get(name)!;
    const data = Float32Array.from(numbers(old), (x) => by * (Math.abs(x) + 1));
    return withInitializers(net, new Map([[name, tensor(name, 'float32', old.dims, data)]]));
  };

  it.each([false, true])('changes nothing, and names the first tensor, accumulated %s', async (accumulates) => {
    const size = accumulates ? 4 : BATCH;
    const net = await made({ accumulates, batch: size, averages: true }, poisoned('scale1'));
    const before = await net.snapshot();
    const input = { number: 1, ...batch(size), ...STEP };
    const { loss, norm } = await net.step(input);
    expect(Number.isFinite(loss) && Number.isFinite(norm)).toBe(false);
    expect(apart(before, await net.snapshot())).toBe(0);
    // What the layers make is still finite at 1e30; the squares of the gradients behind are not.
    expect(await net.culprit(input)).toMatch(/^grad\((conv|scale|bias)2\)$/);
  });

  it('names what a layer makes where its weights are still finite', async () => {
    const net = await made({}, poisoned('conv2', 1e38));
    const outputs = smallNet().graph.nodes.flatMap((n) => n.outputs);
    expect(outputs).toContain(await net.culprit(batch(BATCH)));
  });

  it('names the parameter where that is the first', async () => {
    const net = await made({}, poisoned('conv1'));
    const state = await net.snapshot();
    const damaged = new Map([...state].map(([name, data]) => [name, data.slice()]));
    const pack = damaged.get('pack')!;
    pack[pack.length - 1] = Number.NaN;
    await net.restore(damaged);
    expect(await net.culprit(batch(BATCH))).toBe('bias2');
  });

  it('finds none where all is finite', async () => {
    const net = await made();
    expect(await net.culprit(batch(BATCH))).toBeNull();
  });
});

describe('a snapshot', () => {
  it('goes on as if nothing had happened, average and all', async () => {
    const o = { averages: true, unfreezes: true, accumulates: true, batch: 4, liveStatistics: true };
    const [a, b] = [await made(o), await made(o)];
    await run(a, 4, 2, { open: 1 });
    await b.restore(await a.snapshot());
    const input = { number: 3, ...batch(4, 9), ...STEP };
    expect(await b.step(input)).toEqual(await a.step(input));
    expect(apart(await a.snapshot(), await b.snapshot())).toBe(0);
  });

  it('of another network is refused, naming what lacks', async () => {
    const net = await made({ averages: true });
    const other = await (await made()).snapshot();
    await expect(net.restore(other)).rejects.toThrow(/lacks 'average\(pack\)'/);
  });
});
