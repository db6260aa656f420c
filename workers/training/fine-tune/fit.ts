import type { Hyperparameters } from '../../../src/domain/types.js';
import { GraftError } from '../../../src/errors.js';
import { type TuneFacts, type TuneSettings, tuneSettings } from './settings.js';

/** Of what the system says is free, what a run may plan with: others live here too. */
const SHARE = 0.9;
const LEAST_BATCH = 2;
const mib = (bytes: number): number => Math.ceil(bytes / 1024 / 1024);

/**
 * Settings and graphs that fit into memory: `build` makes the graphs for a choice and says what a step will take. A batch size
 * left to `auto` is halved until it fits. Throws `job-impossible` with both numbers where the batch was given, or nothing fits.
 */
export async function fitting<G extends { readonly memory: number }>(
  given: Hyperparameters,
  facts: TuneFacts,
  availableBytes: number,
  build: (settings: TuneSettings) => Promise<G>,
): Promise<{ readonly settings: TuneSettings; readonly graphs: G; readonly halved: boolean }> {
  const room = availableBytes * SHARE;
  let settings = tuneSettings(given, facts);
  const first = settings.batchSize;
  for (;;) {
    const graphs = await build(settings);
    const { batchSize } = settings;
    if (graphs.memory <= room) return { settings, graphs, halved: batchSize < first };
    if (given.batchSize !== 'auto' || batchSize <= LEAST_BATCH)
      throw new GraftError(
        'job-impossible',
        `A training step of ${batchSize} examples takes about ${mib(graphs.memory)} MiB of memory; ${mib(room)} MiB can be used here. Use a smaller batchSize${given.batchSize === 'auto' ? '' : ' (or leave it to "auto")'}, fewer layers, or a machine with more memory.`,
        {
          errors: [
            { path: '/hyperparameters/batchSize', code: 'value-impossible', detail: 'Too large for the memory.' },
          ],
        },
      );
    settings = tuneSettings({ ...given, batchSize: Math.max(LEAST_BATCH, Math.floor(batchSize / 2)) }, facts);
  }
}
