import { trainingPictures } from '../../data/augment/batches.js';
import { AUGMENT_PRESETS } from '../../data/augment/settings.js';
import type { RunExample, RunSpec } from '../messages.js';
import type { TuneSource } from './loop.js';
import type { TuneSettings } from './settings.js';

/** Decoded pictures up to this size are kept from epoch to epoch. */
const KEPT_BYTES = 512 * 1024 * 1024;

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
    preprocessing: spec.preprocessing,
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
