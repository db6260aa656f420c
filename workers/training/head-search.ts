import type { Hyperparameters } from '../../src/domain/types.js';
import { stratifiedFolds } from '../../src/tasks/classification/splits.js';
import type { Executor } from '../executors/executor.js';
import { choices, type Pick } from './choices.js';
import { batches } from './head-batches.js';
import { chosenRows, type HeadData } from './head-data.js';
import { headGraph, headTrainer } from './head-graph.js';
import { autoBatch, autoRate, checkpoints, checkpointsFor, rateOf, rounded } from './head-schedule.js';
import { choose, type HeldOut, look } from './held-out.js';

/** What `auto` became. */
export interface Resolved {
  readonly epochs: number;
  readonly learningRate: number;
  readonly batchSize: number;
  readonly weightDecay: number;
}
export interface Control {
  /** The user wants the best so far. Asked after every step. */
  stopped(): boolean;
  /** Lets messages in; the engine blocks the thread. */
  breathe(): Promise<void>;
  /** The run is to be left where it stands; another attempt goes on from there. */
  leaving(): boolean;
  /** Ends the process; what had to be kept was written. */
  leave(): Promise<never>;
}
export interface Search extends Resolved {
  /** Mean held-out log loss of the choice; null where nothing was searched. */
  readonly heldOutLoss: number | null;
  readonly candidates: number;
}

const PENALTIES = [1e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1, 3];
/** Examples used to choose; more of them hardly change the choice, but cost as much as training itself. */
const MOST_EXAMPLES = 4096;
/** Columns times features of all heads trained at once: 16 MiB a tensor, and the optimizer has about eight of them. */
const MOST_WEIGHTS = 4 * 1024 * 1024;
/** Epochs of a training whose hyperparameters were chosen on a share of its examples. */
const LEAST_EPOCHS = 5;

/** With n examples, a penalty below 1 / n is as good as none. */
const penaltiesFor = (n: number): readonly number[] => PENALTIES.filter((p) => p >= 1 / Math.min(n, MOST_EXAMPLES));

/** Folds and penalties that fit into memory; a single fold is a held-out fifth. */
function plan(weights: number, penalties: readonly number[]): { folds: number; penalties: readonly number[] } | null {
  const every = (step: number) => penalties.filter((_, i) => (penalties.length - 1 - i) % step === 0);
  const sizes = [
    { folds: 5, penalties },
    { folds: 5, penalties: every(2) },
    { folds: 3, penalties: every(2) },
    { folds: 1, penalties: every(2) },
    { folds: 1, penalties: every(4) },
  ];
  return sizes.find((s) => s.folds * s.penalties.length * weights <= MOST_WEIGHTS) ?? null;
}

/**
 * Fills in what was left to `auto`, by stratified cross-validation inside the training examples only: every fold with
 * every weight decay is one head, all of them trained at once by one graph, and the mean log loss of held-out examples
 * decides. Among those within one standard error of the best the strongest penalty is taken (Breiman et al. 1984, section
 * 3.4.3; Hastie, Tibshirani and Friedman, section 7.10), with the number of steps that was best for it. What the user gave stays.
 */
export async function search(
  executor: Executor,
  data: HeadData,
  given: Hyperparameters & { readonly labelSmoothing: number },
  control: Control,
  pick: Pick = choices().pick,
): Promise<Search> {
  const { n, width, classes } = data;
  const own = autoBatch(data, given);
  const batchSize = pick(
    'batchSize',
    given.batchSize,
    own,
    own === n ? 'all examples are one batch' : `of ${n} examples`,
  );
  const learningRate = pick(
    'learningRate',
    given.learningRate,
    autoRate(width, Math.min(batchSize, n) === n ? 256 : batchSize),
    `steps that fit ${width} standardised features`,
  );
  const perEpoch = Math.ceil(n / Math.min(batchSize, n));
  const epochsFor = (steps: number) => Math.max(1, Math.round(steps / perEpoch));
  /** What was found, or what is usual where nothing was searched. */
  const resolved = (found: HeldOut | null, epochs: number, weightDecay: number, candidates: number): Search => {
    const how = found === null ? 'usual for as many examples' : 'by cross-validation inside the training examples';
    return {
      batchSize,
      learningRate,
      epochs: pick('epochs', given.epochs, epochs, how),
      weightDecay: pick('weightDecay', given.weightDecay, weightDecay, how),
      heldOutLoss: found?.mean ?? null,
      candidates,
    };
  };
  const usual = (): Search =>
    resolved(null, epochsFor(checkpointsFor(n, perEpoch).at(-1)!), rounded(Math.min(1, Math.max(1e-4, 60 / n))), 0);
  if (given.epochs !== 'auto' && given.weightDecay !== 'auto') return usual();
  const layout = plan(width * classes, given.weightDecay === 'auto' ? penaltiesFor(n) : [given.weightDecay]);
  if (layout === null || n < 4) return usual();

  const split = Math.max(2, Math.min(layout.folds === 1 ? 5 : layout.folds, Math.floor(n / 2)));
  const all = stratifiedFolds(data.labels, Math.max(split, Math.ceil((n * split) / MOST_EXAMPLES)), given.seed);
  const rows = Array.from({ length: n }, (_, i) => i).filter((i) => all[i]! < split);
  const part = rows.length === n ? data : chosenRows(data, rows);
  const fold = Uint8Array.from(rows, (i) => all[i]!);
  const used = layout.folds === 1 ? 1 : split;
  // Head k holds out fold k % used and has penalty k / used.
  const configs = used * layout.penalties.length;
  const size = Math.min(batchSize, part.n);
  const graph = await headGraph(executor, {
    features: width,
    classes,
    configs,
    batch: size,
    penalties: Array.from({ length: configs }, (_, k) => layout.penalties[Math.floor(k / used)]!),
    labelSmoothing: given.labelSmoothing,
  });
  const source = batches({
    data: part,
    size,
    configs,
    seed: given.seed,
    weigh: (row, k) => (fold[row] === k % used ? 0 : (part.weights?.[part.labels[row]!] ?? 1)),
  });
  // Forward, and backward to the weights.
  const cost = 4 * size * width * classes * configs;
  const looks = checkpoints(n, given, source.perEpoch, perEpoch, cost);
  const held = Array.from({ length: used }, (_, f) => [...fold.keys()].filter((i) => fold[i] === f));
  const parts = held.map((list) => chosenRows(part, list));
  const seen: HeldOut[] = [];
  // Where the rate falls, what a number of steps is worth is only seen by a run that ends there.
  const runs = perEpoch === 1 ? [looks] : looks.map((steps) => [steps]);
  for (const at of runs) {
    if (control.stopped()) break;
    const to = at.at(-1)!;
    const trainer = await headTrainer(executor, graph);
    try {
      for (let epoch = 0, steps = 0; steps < to && !control.stopped(); epoch++)
        for (const batch of source.epoch(epoch)) {
          await trainer.step(batch, rateOf(learningRate, steps, to, perEpoch));
          steps++;
          await control.breathe();
          if (control.leaving()) await control.leave();
          if (control.stopped()) break;
          if (at.includes(steps)) seen.push(...(await look(trainer, parts, layout.penalties, used, steps)));
          if (steps >= to) break;
        }
    } finally {
      await trainer.dispose();
    }
  }
  const chosen = choose(seen);
  if (chosen === null) return usual();
  // What was chosen on a share says how strong, but not how long: all examples together bear more steps.
  const least = part.n === n ? 1 : LEAST_EPOCHS;
  // A penalty on a mean loss weighs less per example the more examples there are.
  const share = part.n === n ? 1 : (part.n * (split - 1)) / split / n;
  return resolved(chosen, Math.max(least, epochsFor(chosen.steps)), rounded(chosen.penalty * share), seen.length);
}
