import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from '../../../scripts/build.mjs';
import { sharedData } from '../../support/data.js';
import { type TestDatabase, testDatabase } from '../../support/postgres.js';
import { type Picture, trainingGround } from '../../support/training.js';

const photos = sharedData('datasets', 'hymenoptera');
const models = sharedData('models');
const IMAGENET = {
  resize: 256,
  crop: 224,
  layout: 'NCHW',
  channels: 'RGB',
  scale: 1 / 255,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
} as const;

export function antsAndBees(folder: string): readonly Picture[] {
  return (['train', 'val'] as const).flatMap((part) =>
    ['ants', 'bees'].flatMap((label) =>
      readdirSync(join(folder, part, label))
        .filter((name) => name.endsWith('.jpg'))
        .sort()
        .map((name) => ({
          path: `${part}/${label}/${name}`,
          label,
          split: part === 'val' ? ('validation' as const) : ('train' as const),
          bytes: readFileSync(join(folder, part, label, name)),
        })),
    ),
  );
}

describe.runIf(photos !== null && models !== null)('ants and bees, defaults only', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    await build();
    db = await testDatabase();
  });
  afterAll(() => db.close());

  it.each([
    ['mobilenetv2-1.0-imagenet-backbone', { tensor: 'features', features: 1280 }, IMAGENET, 0.954],
    ['squeezenet1.1-imagenet-fp32', { tensor: 'concat_61', features: 512 }, IMAGENET, 0.92],
    [
      'mobilenetv1-0.25-imagenet',
      { tensor: 'globalaveragepool_86', features: 256 },
      { ...IMAGENET, scale: 1 / 127.5, mean: [1, 1, 1], std: [1, 1, 1] },
      0.84,
    ],
  ] as const)('%s reaches the accuracy promised, from features cached or not', async (name, cut, preprocessing, least) => {
    const ground = await trainingGround(db, {
      pictures: antsAndBees(photos!),
      base: readFileSync(join(models!, `${name}.onnx`)),
      cut,
      preprocessing,
    });
    try {
      const times: number[] = [];
      const results = [];
      for (let i = 0; i < 2; i++) {
        const { id } = await ground.job();
        const start = performance.now();
        await ground.train(id);
        times.push(performance.now() - start);
        const job = (await ground.repos.jobs.byId(id))!;
        expect(job.error).toBeNull();
        expect(job.state).toBe('succeeded');
        results.push(job);
      }
      const [first, second] = results;
      expect(first!.metrics['validation/accuracy']).toBeGreaterThanOrEqual(least);
      expect(second!.metrics).toEqual(first!.metrics);
      expect(second!.hyperparameters).toEqual(first!.hyperparameters);
      process.stdout.write(
        `${name}: ${times.map((t) => t.toFixed(0)).join(', ')} ms ${JSON.stringify(first!.metrics)} ${JSON.stringify(first!.hyperparameters)}\n`,
      );
    } finally {
      await ground.close();
    }
  });
});
