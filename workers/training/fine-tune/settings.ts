import type { Hyperparameters, TuningHyperparameters } from '../../../src/domain/types.js';
import type { Schedule } from './schedule.js';

/** Every choice made: what the user gave stays, the rest follows from the data and the network. */
export type TuneSettings = {
  readonly [K in keyof Required<TuningHyperparameters>]: Exclude<Required<TuningHyperparameters>[K], 'auto'>;
} & {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly labelSmoothing: number;
  readonly seed: number;
  readonly schedule: Schedule;
};

export interface TuneFacts {
  readonly examples: number;
  /** Fresh weights have everything to learn; given ones must not be forgotten. */
  readonly scratch: boolean;
  /** Whether what lies below the trained layers is computed once per example, so that pictures cannot vary. */
  readonly keepsFrozen: boolean;
  /** Whether the trained part normalises by BatchNormalization that is still its own operator. */
  readonly batchNorm: boolean;
}

/** Statistics of fewer examples than this are too noisy to normalise by. */
const LEAST_LIVE_BATCH = 16;
const BATCH = 32;

/** Fills in what was left to `auto`. */
export function tuneSettings(h: Hyperparameters, f: TuneFacts): TuneSettings {
  const or = <T>(given: T | 'auto' | undefined, otherwise: T): T =>
    given === undefined || given === 'auto' ? otherwise : given;
  const batchSize = Math.min(or(h.batchSize, BATCH), f.examples);
  const perEpoch = Math.ceil(f.examples / batchSize);
  const optimizer = or(h.optimizer, 'adamw');
  const batchNorm = f.batchNorm ? or(h.batchNorm, batchSize >= LEAST_LIVE_BATCH ? 'live' : 'frozen') : 'frozen';
  const rates =
    optimizer === 'adamw' ? { scratch: 2e-3, live: 1e-4, still: 3e-5 } : { scratch: 0.05, live: 1e-2, still: 3e-3 };
  // Where nothing normalises anew, a step moves everything behind it: it must be smaller.
  const rate = f.scratch ? rates.scratch : batchNorm === 'live' ? rates.live : rates.still;
  return {
    batchSize,
    optimizer,
    // Enough steps to move, few enough to end: small data are seen more often.
    epochs: or(h.epochs, f.scratch ? 30 : Math.min(12, Math.max(4, Math.ceil(96 / perEpoch)))),
    learningRate: or(h.learningRate, rate),
    weightDecay: or(h.weightDecay, 0.01),
    labelSmoothing: h.labelSmoothing,
    seed: h.seed,
    schedule: or(h.schedule, 'cosine'),
    warmup: or(h.warmup, 0.1),
    gradientClip: or(h.gradientClip, 1),
    layerDecay: or(h.layerDecay, 1),
    patience: or(h.patience, f.scratch ? 1000 : 8),
    batchNorm,
    augmentation: f.keepsFrozen ? 'none' : or(h.augmentation, 'light'),
  };
}
