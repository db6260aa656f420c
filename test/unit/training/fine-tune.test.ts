import { describe, expect, it } from 'vitest';
import type { Hyperparameters } from '../../../src/domain/types.js';
import { packed, packsOf, tensor, unpacked } from '../../../src/onnx/index.js';
import { fitting } from '../../../workers/training/fine-tune/fit.js';
import { rateShare } from '../../../workers/training/fine-tune/schedule.js';
import { tuneSettings } from '../../../workers/training/fine-tune/settings.js';

const AUTO: Hyperparameters = {
  epochs: 'auto',
  learningRate: 'auto',
  batchSize: 'auto',
  weightDecay: 'auto',
  labelSmoothing: 0,
  seed: 0,
};
const FACTS = { examples: 1000, scratch: false, keepsFrozen: false, batchNorm: true };
const build = async ({ batchSize }: { batchSize: number }) => ({ memory: 100 * batchSize, batchSize });

describe('what fine-tuning chooses', () => {
  it('halves the batch until a step fits into memory, and freezes the statistics of small ones', async () => {
    const { settings, graphs, halved } = await fitting(AUTO, FACTS, 1000, build);
    expect(halved).toBe(true);
    expect(settings.batchSize).toBe(8);
    expect(graphs.batchSize).toBe(8);
    expect(settings.batchNorm).toBe('frozen');
    expect((await fitting(AUTO, FACTS, 1e6, build)).settings).toMatchObject({ batchSize: 32, batchNorm: 'live' });
  });

  it('refuses a batch that was given and does not fit, with both numbers', async () => {
    const big = fitting({ ...AUTO, batchSize: 64 }, FACTS, 50 * 2 ** 20, async () => ({ memory: 80 * 2 ** 20 }));
    await expect(big).rejects.toMatchObject({ code: 'job-impossible' });
    await expect(big).rejects.toThrow(/64 examples takes about 80 MiB of memory; 45 MiB can be used/);
    await expect(fitting(AUTO, FACTS, 10, build)).rejects.toThrow(/2 examples/);
  });

  it('keeps what was given', () => {
    const given = { ...AUTO, epochs: 3, batchSize: 5, optimizer: 'sgd', batchNorm: 'live', warmup: 0 } as const;
    expect(tuneSettings(given, FACTS)).toMatchObject({
      epochs: 3,
      batchSize: 5,
      optimizer: 'sgd',
      batchNorm: 'live',
      warmup: 0,
    });
    expect(tuneSettings(AUTO, { ...FACTS, batchNorm: false }).batchNorm).toBe('frozen');
    expect(tuneSettings({ ...AUTO, augmentation: 'strong' }, { ...FACTS, keepsFrozen: true }).augmentation).toBe(
      'none',
    );
    expect(tuneSettings(AUTO, { ...FACTS, examples: 7 }).batchSize).toBe(7);
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
});

describe('packs', () => {
  it('take tensors in and give them out again, large ones alone', () => {
    const tensors = new Map(
      [
        ['a', [2, 3]],
        ['big', [1024, 256]],
        ['b', [4]],
      ].map(([name, dims]) => {
        const size = (dims as number[]).reduce((n, d) => n * d, 1);
        const values = Float32Array.from({ length: size }, (_, i) => Math.sin(i + (name as string).length));
        return [name as string, tensor(name as string, 'float32', dims as number[], values)] as const;
      }),
    );
    const packs = packsOf([...tensors.values()]);
    expect(packs.map((p) => [p.size, p.tensors.map((t) => t.name)])).toEqual([
      [10, ['a', 'b']],
      [1024 * 256, ['big']],
    ]);
    for (const pack of packs)
      for (const t of unpacked(pack, packed(pack, tensors))) {
        expect(t.dims).toEqual(tensors.get(t.name)!.dims);
        expect(Buffer.from(t.data).equals(Buffer.from(tensors.get(t.name)!.data))).toBe(true);
      }
  });
});
