import { GraftError } from '../../../src/errors.js';
import { forgetNewer, type Position, writeCheckpoint } from './checkpoint.js';
import type { StepInput, StepResult } from './stepper.js';
import type { Snapshot, Tuner } from './trainer.js';

/**
 * What there is to say of a step whose loss or gradient is not finite: step, learning rate, and the tensor that was the
 * first. The steps before it were on their way there, so what is kept for a retry are the best weights so far, with fresh moments.
 */
export async function diverged(
  net: Tuner,
  o: {
    readonly input: StepInput;
    readonly result: StepResult;
    readonly step: number;
    readonly perEpoch: number;
    readonly folder: string;
    readonly position: Position;
    readonly best: Snapshot;
  },
): Promise<GraftError> {
  const { input, result, step, folder, position } = o;
  const tensor = await net.culprit(input);
  const { best } = position;
  const from = best.epoch * o.perEpoch;
  await net.adopt(o.best);
  await forgetNewer(folder, from);
  const kept = { ...position, steps: from, momentsFrom: from, sinceBest: 0 };
  await writeCheckpoint(folder, { position: kept, best: o.best, state: await net.snapshot() });
  const what = Number.isFinite(result.loss) ? `the gradient's norm is ${result.norm}` : `the loss is ${result.loss}`;
  const first = tensor === null ? '' : ` and the first tensor that holds numbers that are not finite is '${tensor}'`;
  const rate = input.rate.toPrecision(3);
  return new GraftError(
    'job-impossible',
    `Training diverged: at step ${step} with learning rate ${rate} ${what}${first}. Use a smaller learningRate, or leave it to "auto". The best so far is kept (${best.epoch === 0 ? 'the head alone, before the first epoch' : `after epoch ${best.epoch}`}, validation accuracy ${best.accuracy.toFixed(3)}): retry the job with {"hyperparameters": {"learningRate": ${Number((input.rate / 10).toPrecision(1))}}} to go on from it.`,
    {
      errors: [
        {
          path: '/hyperparameters/learningRate',
          code: 'diverged',
          detail: `Not finite at step ${step}, rate ${rate}.`,
        },
      ],
    },
  );
}
