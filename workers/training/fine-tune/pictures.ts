import { open } from 'node:fs/promises';
import { channelsOf } from '../../../src/tasks/image-classification/pixel-input.js';
import { packReader } from '../features.js';
import type { RunExample, RunSpec } from '../messages.js';
import type { TuneSource } from './loop.js';
import type { TuneSettings } from './settings.js';
import { oneHot } from './sources.js';

/** The training pictures, varied anew in every epoch. */
export async function augmentedPictures(
  spec: RunSpec,
  examples: readonly RunExample[],
  labels: Int32Array,
  classes: number,
  _settings: TuneSettings,
): Promise<TuneSource & { close(): Promise<void> }> {
  const pack = await open(spec.packPath, 'r');
  const read = packReader(pack, spec.preprocessing);
  const bytes = spec.preprocessing.crop ** 2 * channelsOf(spec.preprocessing);
  return {
    n: examples.length,
    async batch(_epoch, rows) {
      const data = new Uint8Array(rows.length * bytes);
      const pictures = await Promise.all(rows.map((row) => read(examples[row]!)));
      for (const [i, picture] of pictures.entries()) data.set(picture, i * bytes);
      return { data, targets: oneHot(rows, labels, classes) };
    },
    close: () => pack.close(),
  };
}
