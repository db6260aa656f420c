import type { Hyperparameters } from '../../src/domain/types.js';
import { stratifiedFolds } from '../../src/tasks/classification/splits.js';
import type { Executor } from '../executors/executor.js';
import { choices, type Pick } from './choices.js';
import { batches } from './head-batches.js';
import { chosenRows, type HeadData } from './head-data.js';
import { headGraph, headTrainer } from './head-graph.js';

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
/** Optimizer steps after which held-out examples are looked at: of whole batches, and of drawn ones, which tell less each. */
const WHOLE_CHECKPOINTS = [15, 30, 60];
const DRAWN_CHECKPOINTS = [30, 60, 120, 240, 480];
/** Multiplications and additions that a search may take: some seconds of two cores. */
const MOST_OPERATIONS = 1e12;
/** Examples used to choose; more of them hardly change the choice, but cost as much as training itself. */
const MOST_EXAMPLES = 4096;
/** Columns times features of all heads trained at once: 16 MiB a tensor, and the optimizer has about eight of them. */
const MOST_WEIGHTS = 4 * 1024 * 1024;
const WHOLE_BATCH = 1024;
/** Epochs of a training whose hyperparameters were chosen on a share of its examples. */
const LEAST_EPOCHS = 5;

/**
 * Steps that fit standardised features: with D of them a step moves a logit by about rate * D, and weights are worth
 * about 1 / sqrt(D). The fewer examples a step sees, the more of it is noise, by the square root.
 */
const autoRate = (width: number, batch: number): number => rounded(0.3 * Math.sqrt(Math.min(1, batch / 256) / width));
const rounded = (x: number): number => Number(x.toPrecision(3));

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
  const own = autoBatch(n, given);
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
    resolved(
      null,
      epochsFor((perEpoch === 1 ? WHOLE_CHECKPOINTS : DRAWN_CHECKPOINTS).at(-1)!),
      rounded(Math.min(1, Math.max(1e-4, 60 / n))),
      0,
    );
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
  const trainer = await headTrainer(executor, graph);
  const source = batches({
    data: part,
    size,
    configs,
    seed: given.seed,
    weigh: (row, k) => (fold[row] === k % used ? 0 : (part.weights?.[part.labels[row]!] ?? 1)),
  });
  // Forward, and backward to the weights.
  const cost = 4 * size * width * classes * configs;
  const looks = checkpoints(given, source.perEpoch, perEpoch, cost);
  const seen: HeldOut[] = [];
  try {
    const held = Array.from({ length: used }, (_, f) => [...fold.keys()].filter((i) => fold[i] === f));
    const parts = held.map((list) => chosenRows(part, list));
    for (let epoch = 0, steps = 0; steps < looks.at(-1)! && !control.stopped(); epoch++)
      for (const batch of source.epoch(epoch)) {
        await trainer.step(batch, learningRate);
        steps++;
        await control.breathe();
        if (control.leaving()) await control.leave();
        if (control.stopped()) break;
        if (looks.includes(steps)) seen.push(...(await look(trainer, parts, layout.penalties, used, steps)));
        if (steps >= looks.at(-1)!) break;
      }
  } finally {
    await trainer.dispose();
  }
  const chosen = choose(seen);
  if (chosen === null) return usual();
  // What was chosen on a share says how strong, but not how long: all examples together bear more steps.
  const least = part.n === n ? 1 : LEAST_EPOCHS;
  // A penalty on a mean loss weighs less per example the more examples there are.
  const share = part.n === n ? 1 : (part.n * (split - 1)) / split / n;
  return resolved(chosen, Math.max(least, epochsFor(chosen.steps)), rounded(chosen.penalty * share), seen.length);
}

/** Few examples are one batch; with epochs given there should be more than a handful of steps. */
function autoBatch(n: number, given: Hyperparameters): number {
  if (given.epochs !== 'auto') return Math.min(32, n);
  return n <= WHOLE_BATCH ? n : 256;
}

/**
 * Steps of the search at which to look: at the end of as many whole epochs as the user gave, else after a few numbers of
 * steps, each a whole number of the final training's epochs. `cost` is what one step takes.
 */
function checkpoints(given: Hyperparameters, perEpoch: number, finalPerEpoch: number, cost: number): readonly number[] {
  const most = Math.max(1, Math.floor(MOST_OPERATIONS / cost));
  if (given.epochs !== 'auto') return [Math.max(1, Math.min(given.epochs * perEpoch, DRAWN_CHECKPOINTS.at(-1)!, most))];
  const steps = (finalPerEpoch === 1 ? WHOLE_CHECKPOINTS : DRAWN_CHECKPOINTS).map(
    (s) => Math.max(1, Math.round(s / finalPerEpoch)) * finalPerEpoch,
  );
  const affordable = [...new Set(steps)].filter((s) => s <= most);
  return affordable.length > 0 ? affordable : [Math.min(most, steps[0]!)];
}

export interface HeldOut {
  readonly penalty: number;
  readonly steps: number;
  readonly mean: number;
  readonly standardError: number;
}

/** Held-out log loss of every penalty, over all folds together. */
async function look(
  trainer: { logits(features: Float32Array): Promise<Float32Array> },
  parts: readonly HeadData[],
  penalties: readonly number[],
  used: number,
  steps: number,
): Promise<HeldOut[]> {
  const sums = penalties.map(() => ({ n: 0, sum: 0, squares: 0 }));
  for (const [f, part] of parts.entries()) {
    if (part.n === 0) continue;
    const logits = await trainer.logits(part.features);
    const columns = logits.length / part.n;
    for (let i = 0; i < part.n; i++)
      for (const [p, total] of sums.entries()) {
        const at = i * columns + (p * used + f) * part.classes;
        const weight = part.weights?.[part.labels[i]!] ?? 1;
        const loss = weight * crossEntropy(logits, at, part.classes, part.labels[i]!);
        total.n++;
        total.sum += loss;
        total.squares += loss * loss;
      }
  }
  return sums.map(({ n, sum, squares }, p) => {
    const mean = sum / n;
    return {
      penalty: penalties[p]!,
      steps,
      mean,
      standardError: Math.sqrt(Math.max(0, squares / n - mean * mean) / Math.max(1, n - 1)),
    };
  });
}

/** -ln softmax(logits)[label], of `classes` logits from `at` on. */
export function crossEntropy(logits: Float32Array, at: number, classes: number, label: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < classes; c++) most = Math.max(most, logits[at + c]!);
  let sum = 0;
  for (let c = 0; c < classes; c++) sum += Math.exp(logits[at + c]! - most);
  return most + Math.log(sum) - logits[at + label]!;
}

/** The one-standard-error rule; null where nothing finite was seen. */
export function choose(seen: readonly HeldOut[]): HeldOut | null {
  const finite = seen.filter((s) => Number.isFinite(s.mean));
  const least = (list: readonly HeldOut[]) =>
    list.reduce<HeldOut | null>((a, b) => (a && a.mean <= b.mean ? a : b), null);
  const best = least(finite);
  if (best === null) return null;
  const limit = best.mean + best.standardError;
  const strongest = Math.max(...finite.filter((s) => s.mean <= limit).map((s) => s.penalty));
  return least(finite.filter((s) => s.penalty === strongest));
}
