import type { Model } from '../../../src/onnx/index.js';
import { fedPixels } from '../../../src/tasks/image-classification/compose.js';
import { textTrunk } from '../../../src/tasks/text-classification/compose.js';
import type { Executor } from '../../executors/executor.js';
import { onnxruntimeExecutor } from '../../executors/onnxruntime.js';
import { firstToGo } from '../../first-to-go.js';
import { baseReader } from '../base-file.js';
import { wordTables } from '../fine-tune/embeddings.js';
import { measuredWidth, pictureNetwork } from '../fine-tune/network.js';
import { type SampleRequest, sampleStep } from '../fine-tune/sample-step.js';
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

type Network = Pick<SampleRequest, 'trunk' | 'parameters' | 'liveStatistics' | 'keepFrozen' | 'tokens'>;

function networkOf(base: Model, { cut, layers, input, live }: TimedRun): Network {
  if (input.kind === 'image') {
    const own = pictureNetwork(base, cut);
    const { parameters, batchNorm } = trainedLayers(own, layers);
    const trunk = fedPixels(own, input.preprocessing);
    return { trunk, parameters, liveStatistics: live && batchNorm, keepFrozen: layers !== 'all' };
  }
  const { text, length, words } = input;
  const trunk = textTrunk(base, cut, text);
  const tables = wordTables(trunk, text.inputs.ids);
  const parameters = trainedLayers(trunk, layers).parameters.filter(({ name }) => words || !tables.has(name));
  return { trunk, parameters, tokens: { text, length } };
}

/** The fastest of some steps behind a first one, which compiles and maps memory. */
async function timed(executor: Executor, run: TimedRun): Promise<number> {
  const { batch, optimizer, input } = run;
  const network = networkOf((await baseReader(run.base)()).model, run);
  const width = run.width ?? (await measuredWidth(executor, network.trunk));
  // Of ids every table of words has the first ones.
  const ids = input.kind === 'text' ? () => new Int32Array(batch * input.length).fill(1) : undefined;
  const sample = await sampleStep(executor, { ...network, width, batch, optimizer }, ids);
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
