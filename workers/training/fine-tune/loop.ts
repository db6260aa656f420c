import { prefetch } from '../../data/augment/prefetch.js';
import type { Control } from '../head-search.js';
import type { MetricValue } from '../messages.js';
import { type Checkpoint, type Position, readCheckpoint, writeCheckpoint } from './checkpoint.js';
import { diverged } from './diverged.js';
import { type HeldSource, isBetter, type Measured, measured, pointsOf } from './measure.js';
import { type Pace, pace } from './pace.js';
import { type PlanSettings, planned, type TuneSource } from './plan.js';
import { rateShare, type Schedule } from './schedule.js';
import { isSound, type StepInput, type Submitted } from './stepper.js';
import type { Of, Snapshot, Tuner } from './trainer.js';
import { openLayers } from './unfreezing.js';

export interface LoopSettings extends PlanSettings {
  readonly epochs: number;
  readonly rate: number;
  readonly schedule: Schedule;
  readonly warmup: number;
  /** Epochs without a better validation result after which training ends. */
  readonly patience: number;
  readonly unfreezing: 'none' | 'gradual';
  /** Trained layers besides the head. */
  readonly layers: number;
  /** Share of the moving average that a step leaves; 0: none is kept. */
  readonly averageDecay: number;
  readonly averageUse: 'better' | 'always';
  readonly recipe: string;
  readonly folder: string;
  /** At least this long between two checkpoints. */
  readonly checkpointMs: number;
}
export interface LoopHooks {
  metrics(points: readonly MetricValue[]): void;
  progress(done: number, total: number): void;
  log(level: 'info' | 'warning', message: string, data: Readonly<Record<string, string | number>>): void;
}
export interface Tuned {
  readonly best: Snapshot;
  readonly position: Position;
  /** Epochs trained. */
  readonly epochs: number;
  /** How long this attempt's steps took, and waited for their pictures. */
  readonly pace: Pace;
}

/** A step that is on its way. */
interface Unread {
  readonly input: StepInput;
  /** Counted from 1. */
  readonly step: number;
  readonly submitted: Submitted;
}

/** Batches being prepared while the engine runs one. */
export const AHEAD = 3;

/**
 * Trains until the epochs are over, validation has not become better for `patience` epochs, or the user says stop; the
 * best weights are kept, those before the first step included. Goes on from the newest checkpoint of the same recipe, and
 * ends with the same bits as without the interruption. Throws `job-impossible` when loss or gradient is no longer finite.
 */
export async function tune(
  net: Tuner,
  train: TuneSource,
  held: HeldSource,
  s: LoopSettings,
  control: Control,
  hooks: LoopHooks,
): Promise<Tuned> {
  const found = await readCheckpoint(s.folder, s.recipe, (file, why) =>
    hooks.log('warning', `the checkpoint ${file} is not used: ${why}`, { file }),
  );
  const perEpoch = Math.ceil(train.n / s.batch);
  const total = perEpoch * s.epochs;
  let best: Snapshot;
  let position: Position;
  if (found === null) {
    best = await net.weights('trained');
    const first = await measured(net, held, s, 'trained');
    position = {
      recipe: s.recipe,
      steps: 0,
      momentsFrom: 0,
      best: { epoch: 0, of: 'trained', ...first },
      sinceBest: 0,
    };
    hooks.metrics(pointsOf(0, { trained: first }, null));
  } else {
    ({ best, position } = found);
    await net.restore(found.state);
    hooks.log('info', `goes on after step ${position.steps} of ${total}`, { step: position.steps, steps: total });
  }
  let unread: Unread | null = null;
  const settle = async ({ submitted, ...of }: Unread): Promise<void> => {
    const result = await submitted.read();
    if (!isSound(result)) throw await diverged(net, { ...of, result, perEpoch, folder: s.folder, position, best });
    sum += result.loss;
    count++;
  };
  const readAll = async (): Promise<void> => {
    const last = unread;
    unread = null;
    if (last !== null) await settle(last);
  };
  let lastWritten = performance.now();
  const keep = async (): Promise<void> => {
    await readAll();
    const c: Checkpoint = { position, best, state: await net.snapshot() };
    await writeCheckpoint(s.folder, c);
    lastWritten = performance.now();
  };
  let { steps } = position;
  let epoch = Math.floor(steps / perEpoch);
  let sum = 0;
  let count = 0;
  const clock = pace();
  for await (const { data, targets } of prefetch(planned(train, s, steps, total), AHEAD)) {
    clock.begins();
    const input = {
      number: steps + 1 - position.momentsFrom,
      data,
      targets,
      rate: s.rate * rateShare(s.schedule, steps, total, s.warmup),
      open: openLayers(s.unfreezing, Math.floor(steps / perEpoch), s.epochs, s.layers),
      averageDecay: s.averageDecay,
    };
    steps++;
    const before = unread;
    unread = { input, step: steps, submitted: await net.submit(input) };
    // A device that is late has this step to do while the one before is read.
    if (!net.late) await readAll();
    else if (before !== null) await settle(before);
    clock.ends();
    hooks.progress(steps, total);
    position = { ...position, steps };
    await control.breathe();
    const stopped = control.stopped();
    if (steps % perEpoch === 0 || stopped) {
      await readAll();
      epoch = Math.ceil(steps / perEpoch);
      const seen = await candidates(net, held, s);
      const choice = chosen(seen, s.averageUse);
      const better = isBetter(choice.measured, position.best);
      if (better) best = await net.weights(choice.of);
      position = better
        ? { ...position, best: { epoch, of: choice.of, ...choice.measured }, sinceBest: 0 }
        : { ...position, sinceBest: position.sinceBest + 1 };
      hooks.metrics(pointsOf(epoch, seen, sum / count));
      sum = 0;
      count = 0;
      if (stopped || position.sinceBest >= s.patience) break;
    }
    if (control.leaving()) {
      await keep();
      await control.leave();
    }
    if (performance.now() - lastWritten >= s.checkpointMs) await keep();
    clock.waits();
  }
  return { best, position, epochs: epoch, pace: clock.pace() };
}

/** The weights as they are, and their average where one is kept, both measured. */
async function candidates(
  net: Tuner,
  held: HeldSource,
  s: LoopSettings,
): Promise<{ readonly trained: Measured; readonly average?: Measured }> {
  const trained = await measured(net, held, s, 'trained');
  return s.averageDecay === 0 ? { trained } : { trained, average: await measured(net, held, s, 'average') };
}

function chosen(
  { trained, average }: { readonly trained: Measured; readonly average?: Measured },
  use: LoopSettings['averageUse'],
): { readonly of: Of; readonly measured: Measured } {
  if (average !== undefined && (use === 'always' || isBetter(average, trained)))
    return { of: 'average', measured: average };
  return { of: 'trained', measured: trained };
}
