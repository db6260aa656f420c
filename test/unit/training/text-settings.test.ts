import { describe, expect, it } from 'vitest';
import type { Hyperparameters } from '../../../src/domain/types.js';
import { type TuneFacts, tuneSettings } from '../../../workers/training/fine-tune/settings.js';

const AUTO: Hyperparameters = {
  ...({ epochs: 'auto', learningRate: 'auto', batchSize: 'auto', weightDecay: 'auto' } as const),
  ...({ labelSmoothing: 'auto', seed: 0 } as const),
};
const chosenFor = (examples: number, more: Partial<TuneFacts> = {}, given: Partial<Hyperparameters> = {}) =>
  tuneSettings(
    { ...AUTO, ...given },
    {
      ...{ examples, counts: [examples / 2, examples / 2], scratch: false, keepsFrozen: false, batchNorm: false },
      text: true,
      ...more,
    },
  );
const of = (...args: Parameters<typeof chosenFor>) => chosenFor(...args).settings;

describe('what is chosen for texts', () => {
  it('goes by how many they are', () => {
    expect(of(2000)).toMatchObject({
      batchSize: 16,
      epochs: 4,
      learningRate: 5e-5,
      embeddings: 'frozen',
      dropout: 0.1,
    });
    expect(of(6920)).toMatchObject({ batchSize: 32, epochs: 3, schedule: 'linear', augmentation: 'none' });
    expect(of(50_000).embeddings).toBe('trained');
    expect(of(2000, { scratch: true })).toMatchObject({ embeddings: 'trained', learningRate: 5e-4 });
  });
});

describe('the rate of fine-tuning texts', () => {
  const rate = (width: number, more: Partial<TuneFacts> = {}, given: Partial<Hyperparameters> = {}) =>
    of(2000, { width, ...more }, given).learningRate;

  it("is BERT-base's at its width, and falls with the square of a wider one", () => {
    expect(rate(768)).toBe(5e-5);
    expect(rate(1024)).toBe(2.8e-5);
    expect(rate(1536)).toBe(1.3e-5);
  });

  it('is larger for a narrower encoder, up to six times: the most that is known to go well', () => {
    expect(rate(512)).toBe(1.1e-4);
    expect(rate(384)).toBe(2e-4);
    for (const width of [312, 256, 128, 1]) expect(rate(width)).toBe(3e-4);
    const widths = Array.from({ length: 200 }, (_, i) => rate(16 * (i + 1)));
    expect(widths).toEqual(widths.toSorted((a, b) => b - a));
  });

  it('goes by width with momentum too', () => {
    expect(rate(768, {}, { optimizer: 'sgd' })).toBe(5e-3);
    expect(rate(384, {}, { optimizer: 'sgd' })).toBe(2e-2);
  });

  it('says why, and stays what the user gave', () => {
    const why = (given: Partial<Hyperparameters>) =>
      chosenFor(2000, { width: 384 }, given).chosen.find(({ name }) => name === 'learningRate')?.why;
    expect(why({})).toContain('the narrower the layers, the larger the steps');
    expect(rate(384, {}, { learningRate: 1e-5 })).toBe(1e-5);
    expect(why({ learningRate: 1e-5 })).toBeUndefined();
  });

  it('does not go by width for fresh weights, nor for pictures', () => {
    for (const width of [64, 384, 1024]) {
      expect(rate(width, { scratch: true })).toBe(5e-4);
      expect(rate(width, { text: false })).toBe(rate(768, { text: false }));
    }
  });
});
