import type { Executor } from '../../executors/executor.js';
import { onnxruntimeExecutor } from '../../executors/onnxruntime.js';
import { firstToGo } from '../../first-to-go.js';
import { baseReader } from '../base-file.js';
import { fedPixels, measuredWidth, pictureNetwork } from '../fine-tune/network.js';
import { sampleStep } from '../fine-tune/sample-step.js';
import { trainedLayers } from '../fine-tune/trained.js';
import type { TimeAnswer, TimedOn, TimedRun, TimeRequest } from './messages.js';

/** A process that times one run's step on one engine, answers with the milliseconds, and ends. */
firstToGo();

/** Small networks' steps are many, since each says little. */
const STEPS = 12;
const LONG_MS = 1000;

async function executorOf({ executor, addonPath }: TimedOn, threads: number): Promise<Executor> {
  if (executor === 'onnxruntime' || addonPath === null) return onnxruntimeExecutor({ threads });
  const { tensorflowExecutor } = await import('../../executors/tensorflow/executor.js');
  return tensorflowExecutor({ addonPath }, 'cpu');
}

/** The fastest of some steps behind a first one, which compiles and maps memory. */
async function timed(executor: Executor, run: TimedRun): Promise<number> {
  const own = pictureNetwork((await baseReader(run.base)()).model, run.cut);
  const trunk = fedPixels(own, run.preprocessing);
  const { parameters, batchNorm } = trainedLayers(own, run.layers);
  const sample = await sampleStep(executor, {
    trunk,
    width: run.width ?? (await measuredWidth(executor, trunk)),
    parameters,
    batch: run.batch,
    optimizer: run.optimizer,
    liveStatistics: run.live && batchNorm,
    keepFrozen: run.layers !== 'all',
  });
  await sample.step(1);
  let [least, spent] = [Number.POSITIVE_INFINITY, 0];
  for (let number = 2; number <= 1 + STEPS && spent < LONG_MS; number++) {
    const begun = performance.now();
    await sample.step(number);
    const ms = performance.now() - begun;
    least = Math.min(least, ms);
    spent += ms;
  }
  return least;
}

process.once('message', ({ run, on }: TimeRequest) => {
  const answer = (said: TimeAnswer) => process.send?.(said, () => process.exit(0));
  executorOf(on, run.threads)
    .then((executor) => timed(executor, run))
    .then(
      (ms) => answer({ ms }),
      (error: unknown) => answer({ failed: error instanceof Error ? error.message : String(error) }),
    );
});
process.on('disconnect', () => process.exit(0));
