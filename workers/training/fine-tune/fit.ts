import type { Hyperparameters, JobMemory } from '../../../src/domain/types.js';
import { GraftError } from '../../../src/errors.js';
import { counted } from '../../../src/words.js';
import type { Chosen } from '../choices.js';
import { type Memory, mib, totalOf } from './memory.js';
import { type TuneFacts, type TuneSettings, tuneSettings } from './settings.js';

/** Of what the system says is free, what a run may plan with: others live here too. */
const SHARE = 0.9;

export interface Fitting<G> {
  readonly settings: TuneSettings;
  /** What was left to `auto`, and why it became what it is. */
  readonly chosen: readonly Chosen[];
  readonly graphs: G;
  readonly memory: JobMemory;
}

/**
 * Settings and graphs that fit into memory: `build` makes the graphs for a choice and says what a run will take. Where a pass
 * over the whole batch does not fit and `microBatch` was left to `auto`, the batch is gone through in smaller passes whose
 * gradients are added up; no pass has more than `most` examples. Throws `job-impossible` with both numbers where nothing fits.
 */
export async function fitting<G extends { readonly memory: Memory }>(
  given: Hyperparameters,
  facts: TuneFacts,
  availableBytes: number,
  build: (settings: TuneSettings) => Promise<G>,
  most = Number.POSITIVE_INFINITY,
): Promise<Fitting<G>> {
  const room = availableBytes * SHARE;
  for (let fits = most; ; ) {
    const { settings, chosen } = tuneSettings(given, facts, fits);
    const graphs = await build(settings);
    const total = totalOf(graphs.memory);
    if (total <= room) {
      const estimate = { ...rounded(graphs.memory), total: Math.round(total) };
      return { settings, chosen, graphs, memory: { estimate, available: Math.round(room), peak: null } };
    }
    const { microBatch, batchNorm } = settings;
    // One example has no variance to normalise by.
    const least = batchNorm === 'live' && given.batchNorm === 'live' ? 2 : 1;
    const open = given.microBatch === undefined || given.microBatch === 'auto';
    if (!open || microBatch <= least) throw doesNotFit(settings, graphs.memory, room, open);
    // What a pass takes grows with it, the rest does not.
    const perExample = graphs.memory.activations / microBatch;
    const left = Math.floor((room - (total - graphs.memory.activations)) / perExample);
    fits = Math.max(least, Math.min(Math.floor(microBatch / 2), left));
  }
}

const rounded = ({ process, parameters, optimizer, activations, pictures }: Memory): Memory => ({
  process: Math.round(process),
  parameters: Math.round(parameters),
  optimizer: Math.round(optimizer),
  activations: Math.round(activations),
  pictures: Math.round(pictures),
});

function doesNotFit(settings: TuneSettings, memory: Memory, room: number, open: boolean): GraftError {
  const { microBatch } = settings;
  const path = open ? '/hyperparameters/batchSize' : '/hyperparameters/microBatch';
  const mend = open
    ? 'Train fewer layers, or use a machine with more memory.'
    : 'Use a smaller microBatch (or leave it to "auto"), fewer layers, or a machine with more memory.';
  return new GraftError(
    'job-impossible',
    `Training with passes of ${counted(microBatch, 'example')} takes about ${mib(totalOf(memory))} MiB of memory (${mib(memory.activations)} of it for a pass); ${mib(room)} MiB can be used here. ${mend}`,
    { errors: [{ path, code: 'value-impossible', detail: 'Too large for the memory.' }] },
  );
}
