import type { HostTensor } from '../../workers/executors/executor.js';
import type { TuneRequest } from '../../workers/training/fine-tune/graphs.js';
import type { Tuner } from '../../workers/training/fine-tune/trainer.js';

/** Fine-tuning with nothing but its optimizer. */
export const PLAIN = {
  liveStatistics: false,
  optimizer: 'adamw',
  weightDecay: 0.01,
  clip: 1,
  accumulates: false,
  unfreezes: false,
  averages: false,
} as const satisfies Partial<TuneRequest>;

/** The losses before each of some steps on one and the same batch. */
export async function lossesOf(
  net: Tuner,
  batch: { readonly data: HostTensor['data']; readonly targets: Float32Array },
  o: { readonly steps: number; readonly rate: number },
): Promise<readonly number[]> {
  const losses: number[] = [];
  for (let number = 1; number <= o.steps; number++)
    losses.push((await net.step({ ...batch, number, rate: o.rate, open: 1, averageDecay: 0 })).loss);
  return losses;
}
