import type { Hyperparameters } from '../../src/domain/types.js';
import type { HeadData } from './head-data.js';

/** Optimizer steps after which held-out examples are looked at: of whole batches, and of drawn ones, which tell less each. */
const WHOLE_CHECKPOINTS = [15, 30, 60];
/** Many examples bear more steps before they are learnt by heart. */
const MANY_CHECKPOINTS = [30, 60, 120];
const DRAWN_CHECKPOINTS = [30, 60, 120, 240, 480];
/** Multiplications and additions that a search may take: some seconds of two cores. */
const MOST_OPERATIONS = 1e12;
/** As many examples are one batch whatever they cost. */
const WHOLE_BATCH = 1024;
/**
 * And so are more of them, while examples times features times labels are no more than this (256 MiB of features at the
 * most): the loss is convex, and steps that see all of it end nearer to its least than noisy ones.
 */
const WHOLE_NUMBERS = 2 ** 26;

/**
 * Steps that fit standardised features: with D of them a step moves a logit by about rate * D, and weights are worth
 * about 1 / sqrt(D). The fewer examples a step sees, the more of it is noise, by the square root.
 */
export const autoRate = (width: number, batch: number): number =>
  rounded(0.3 * Math.sqrt(Math.min(1, batch / 256) / width));
export const rounded = (x: number): number => Number(x.toPrecision(3));

/**
 * The rate of step `step` (from 0) of `steps`. Where batches are drawn it falls to nothing in a line: at a constant one, the
 * weights end in the noise of the last batches (held-out log loss of SST-2 on MiniLM 0.446, falling 0.410, converged 0.412).
 */
export const rateOf = (learningRate: number, step: number, steps: number, perEpoch: number): number =>
  perEpoch === 1 ? learningRate : learningRate * (1 - step / steps);

/** With epochs given there should be more than a handful of steps. */
export function autoBatch({ n, width, classes }: HeadData, given: Hyperparameters): number {
  if (given.epochs !== 'auto') return Math.min(32, n);
  return n <= WHOLE_BATCH || n * width * classes <= WHOLE_NUMBERS ? n : 256;
}

export const checkpointsFor = (n: number, perEpoch: number): readonly number[] =>
  perEpoch > 1 ? DRAWN_CHECKPOINTS : n <= WHOLE_BATCH ? WHOLE_CHECKPOINTS : MANY_CHECKPOINTS;

/**
 * Steps of the search at which to look: at the end of as many whole epochs as the user gave, else after a few numbers of
 * steps, each a whole number of the final training's epochs. `cost` is what one step takes.
 */
export function checkpoints(
  n: number,
  given: Hyperparameters,
  perEpoch: number,
  finalPerEpoch: number,
  cost: number,
): readonly number[] {
  const most = Math.max(1, Math.floor(MOST_OPERATIONS / cost));
  if (given.epochs !== 'auto') return [Math.max(1, Math.min(given.epochs * perEpoch, DRAWN_CHECKPOINTS.at(-1)!, most))];
  const steps = checkpointsFor(n, finalPerEpoch).map((s) => Math.max(1, Math.round(s / finalPerEpoch)) * finalPerEpoch);
  const affordable = [...new Set(steps)].filter((s) => s <= most);
  return affordable.length > 0 ? affordable : [Math.min(most, steps[0]!)];
}
