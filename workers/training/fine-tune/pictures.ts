import type { Preprocessing } from '../../../src/domain/types.js';
import { channelsOf } from '../../../src/tasks/image-classification/pixel-input.js';
import { trainingPictures } from '../../data/augment/batches.js';
import { shortSideFor } from '../../data/augment/geometry.js';
import { AUGMENT_PRESETS } from '../../data/augment/settings.js';
import { pictureInput } from '../input.js';
import type { RunExample, RunSpec } from '../messages.js';
import type { TuneSource } from './plan.js';
import type { TuneSettings } from './settings.js';

/** Decoded pictures up to this size are kept from epoch to epoch. */
const KEPT_BYTES = 512 * 1024 * 1024;

/** Bytes of training pictures in memory, estimated: those that are kept, at an aspect of 3 to 2, and batches under way. */
export function augmentedBytes(
  preprocessing: Preprocessing,
  examples: number,
  { augmentation, batchSize }: Pick<TuneSettings, 'augmentation' | 'batchSize'>,
  ahead: number,
): number {
  const { crop } = AUGMENT_PRESETS[augmentation];
  const side = crop === null ? preprocessing.crop : shortSideFor(preprocessing.crop, crop);
  const channels = channelsOf(preprocessing);
  const kept = Math.min(KEPT_BYTES, examples * 1.5 * side ** 2 * channels);
  return kept + 2 * (ahead + 1) * batchSize * preprocessing.crop ** 2 * channels;
}

/** The training pictures, varied anew in every epoch. */
export async function augmentedPictures(
  spec: RunSpec,
  examples: readonly RunExample[],
  labels: Int32Array,
  classes: number,
  settings: TuneSettings,
  ahead: number,
): Promise<TuneSource & { close(): Promise<void> }> {
  const pictures = await trainingPictures({
    packPath: spec.packPath,
    examples,
    labels,
    classes,
    preprocessing: pictureInput(spec.input),
    settings: AUGMENT_PRESETS[settings.augmentation],
    seed: settings.seed,
    cacheBytes: KEPT_BYTES,
    ahead,
  });
  return {
    n: examples.length,
    async batch(epoch, rows) {
      const { pixels, targets } = await pictures.batch(epoch, rows);
      return { data: pixels, targets };
    },
    close: () => pictures.close(),
  };
}
