import { describe, expect, it } from 'vitest';
import type { Hyperparameters } from '../../../src/domain/types.js';
import { weightsOf } from '../../../workers/training/class-weights.js';
import { fitting } from '../../../workers/training/fine-tune/fit.js';
import type { Memory } from '../../../workers/training/fine-tune/memory.js';
import { pace } from '../../../workers/training/fine-tune/pace.js';
import { planned, scaledTargets } from '../../../workers/training/fine-tune/plan.js';
import { rateShare } from '../../../workers/training/fine-tune/schedule.js';
import { tuneSettings } from '../../../workers/training/fine-tune/settings.js';
import { oneHot } from '../../../workers/training/fine-tune/sources.js';
import { openLayers } from '../../../workers/training/fine-tune/unfreezing.js';

const AUTO: Hyperparameters = {
  epochs: 'auto',
  learningRate: 'auto',
  batchSize: 'auto',
  weightDecay: 'auto',
  labelSmoothing: 'auto',
  seed: 0,
};
const FACTS = { examples: 1000, counts: [500, 500], scratch: false, keepsFrozen: false, batchNorm: true };
const memory = (activations: number): Memory => ({
  process: 100,
  parameters: 50,
  optimizer: 50,
  activations,
  pictures: 0,
});
const build = async ({ microBatch }: { microBatch: number }) => ({ memory: memory(100 * microBatch), microBatch });
const settingsOf = (h: Hyperparameters, facts: Partial<typeof FACTS> = {}) =>
  tuneSettings(h, { ...FACTS, ...facts }).settings;

describe('what fine-tuning chooses', () => {
  it('is a pass that fits into memory, as many of them as the batch takes, and kept statistics where they are small', async () => {
    const { settings, graphs, memory: found } = await fitting(AUTO, FACTS, 1200, build);
    expect(settings).toMatchObject({ batchSize: 32, microBatch: 8, batchNorm: 'frozen' });
    expect(graphs.microBatch).toBe(8);
    expect(found).toEqual({ estimate: { ...memory(800), total: 1000 }, available: 1080, peak: null });
    expect((await fitting(AUTO, FACTS, 1e6, build)).settings).toMatchObject({ microBatch: 32, batchNorm: 'live' });
    // As large as the batch allows, of one size.
    expect((await fitting({ ...AUTO, batchSize: 30 }, FACTS, 1500, build)).settings.microBatch).toBe(10);
  });

  it('refuses a pass that was given and does not fit, with both numbers, and what fits in no pass', async () => {
    const big = async () => ({ memory: { ...memory(80 * 2 ** 20), process: 0 } });
    const given = fitting({ ...AUTO, batchSize: 64, microBatch: 64 }, FACTS, 50 * 2 ** 20, big);
    await expect(given).rejects.toMatchObject({ code: 'job-impossible' });
    await expect(given).rejects.toThrow(/passes of 64 examples takes about 81 MiB of memory.*45 MiB can be used/);
    await expect(fitting(AUTO, FACTS, 10, build)).rejects.toThrow(/passes of 1 example takes about/);
    // Live statistics that were asked for need two.
    await expect(fitting({ ...AUTO, batchNorm: 'live' }, FACTS, 10, build)).rejects.toThrow(/passes of 2 examples/);
  });

  it('keeps what was given', () => {
    const given = {
      ...AUTO,
      ...({ epochs: 3, batchSize: 5, optimizer: 'sgd', batchNorm: 'live', warmup: 0, microBatch: 2 } as const),
      ...({ unfreezing: 'gradual', averageDecay: 0.9, averageUse: 'always', labelSmoothing: 0.2, dropout: 0 } as const),
      precision: 'mixed' as const,
      classWeights: { a: 2 },
    };
    const { settings, chosen } = tuneSettings(given, FACTS);
    expect(settings).toMatchObject({ ...given, learningRate: 1e-2, weightDecay: 0.01 });
    expect(chosen.map((c) => c.name).sort()).toEqual(
      [
        'augmentation',
        'gradientClip',
        'layerDecay',
        'layerDropout',
        'learningRate',
        'patience',
        'schedule',
        'weightDecay',
      ].sort(),
    );
    for (const { why } of chosen) expect(why.length).toBeGreaterThan(10);
    expect(settingsOf(AUTO, { batchNorm: false }).batchNorm).toBe('frozen');
    expect(settingsOf({ ...AUTO, augmentation: 'strong' }, { keepsFrozen: true }).augmentation).toBe('none');
  });

  it('takes no larger batch than there are examples, given or not', () => {
    expect(settingsOf(AUTO, { examples: 7 })).toMatchObject({ batchSize: 7, microBatch: 7 });
    expect(settingsOf({ ...AUTO, batchSize: 5000, microBatch: 4000 }, { examples: 7 })).toMatchObject({
      batchSize: 7,
      microBatch: 7,
    });
  });

  it('balances labels only where they are skewed', () => {
    expect(settingsOf(AUTO, { counts: [100, 400] }).classWeights).toBe('none');
    const { settings, chosen } = tuneSettings(AUTO, { ...FACTS, counts: [100, 20, 500] });
    expect(settings.classWeights).toBe('balanced');
    expect(chosen.find((c) => c.name === 'classWeights')!.why).toMatch(/one label has 500 examples, another 20/);
  });

  it('averages weights where the learning rate does not fall, and there are steps enough', () => {
    expect(settingsOf(AUTO).averageDecay).toBe(0);
    expect(settingsOf({ ...AUTO, schedule: 'constant' }).averageDecay).toBeCloseTo(1 - 10 / 128, 3);
    expect(settingsOf({ ...AUTO, schedule: 'constant', epochs: 1 }).averageDecay).toBe(0);
  });

  it('lets the learning rate rise, and fall as the schedule says', () => {
    const rates = (kind: 'cosine' | 'linear' | 'constant') =>
      Array.from({ length: 100 }, (_, step) => rateShare(kind, step, 100, 0.1));
    for (const kind of ['cosine', 'linear', 'constant'] as const) {
      const all = rates(kind);
      expect(all[0]!).toBeCloseTo(1 / 11);
      expect(all[10]!).toBe(1);
      expect(Math.max(...all)).toBe(1);
    }
    expect(rates('cosine')[55]!).toBeCloseTo(0.5);
    expect(rates('linear')[55]!).toBeCloseTo(0.5);
    expect(rates('cosine')[99]!).toBeLessThan(0.001);
    expect(rates('constant')[99]!).toBe(1);
  });

  it('opens layers from the head down over the first half of the epochs', () => {
    const open = Array.from({ length: 8 }, (_, epoch) => openLayers('gradual', epoch, 8, 10));
    expect(open).toEqual([3, 5, 8, 10, 10, 10, 10, 10]);
    expect(openLayers('gradual', 0, 1, 10)).toBe(10);
    expect(openLayers('none', 0, 8, 10)).toBe(10);
  });
});

describe('what an example counts', () => {
  it('is the same for every label in all where labels are balanced, and 1 on average', () => {
    const counts = [6, 3, 1];
    const weights = weightsOf('balanced', ['a', 'b', 'c'], counts)!;
    for (const [k, n] of counts.entries()) expect(weights[k]! * n).toBeCloseTo(10 / 3);
    expect(weightsOf('none', ['a', 'b', 'c'], counts)).toBeNull();
  });

  it('is as given, by ratio; a label that there is not is refused by name', () => {
    const weights = weightsOf({ a: 6 }, ['a', 'b'], [1, 1])!;
    expect(weights[0]! / weights[1]!).toBeCloseTo(6);
    expect(weights[0]! + weights[1]!).toBeCloseTo(2);
    expect(() => weightsOf({ wasps: 2 }, ['ants', 'bees'], [1, 1])).toThrow(/no label 'wasps'.*ants, bees/);
  });

  it('goes into the targets, smoothed within a row, nothing for rows that fill up', () => {
    const s = { classes: 2, labelSmoothing: 0.2, classWeights: Float64Array.of(1.5, 0.5) };
    const found = scaledTargets(Float32Array.of(1, 0, 0, 1, 1, 0), 2, s);
    const wanted = [1.35, 0.15, 0.05, 0.45, 0, 0].map((x) => x / 2);
    for (const [i, x] of wanted.entries()) expect(found[i]!).toBeCloseTo(x, 6);
  });
});

describe('the plan of batches', () => {
  const labels = Int32Array.from({ length: 10 }, (_, i) => i % 2);
  const source = {
    n: 10,
    batch: async (_epoch: number, rows: readonly number[]) => ({
      data: Float32Array.from(rows),
      targets: oneHot(rows, labels, 2),
    }),
  };
  const s = { batch: 4, microBatch: 3, classes: 2, labelSmoothing: 0, classWeights: null, seed: 5 };
  const all = async (from: number, to: number) => Promise.all([...planned(source, s, from, to)]);

  it('sees every example once an epoch, in whole passes, and goes on anywhere as it would have', async () => {
    const six = await all(0, 6);
    const seen = (list: typeof six) =>
      list.flatMap(({ data, targets }) =>
        [...(data as Float32Array)].filter((_, i) => targets[2 * i]! + targets[2 * i + 1]! > 0),
      );
    for (const { data } of six) expect(data.length).toBe(6);
    expect(seen(six.slice(0, 3)).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(seen(six.slice(3)).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(seen(six.slice(0, 3))).not.toEqual(seen(six.slice(3)));
    expect(await all(4, 6)).toEqual(six.slice(4));
  });
});

describe('the pace', () => {
  it('tells the median step and the mean wait, without the batches that nothing prepared', () => {
    let at = 0;
    const clock = pace(() => at);
    for (const [wait, step] of [
      [50, 10],
      [50, 10],
      [50, 10],
      [2, 14],
      [4, 10],
    ] as const) {
      clock.waits();
      at += wait;
      clock.begins();
      at += step;
      clock.ends();
      at += 100;
    }
    expect(clock.pace()).toEqual({ steps: 5, stepMs: 10, waitMs: (50 + 2 + 4) / 3 });
  });
});
