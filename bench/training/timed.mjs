// What step.mjs and text.mjs have in common: steps timed.

import { totalOf } from '../../dist/workers/training/fine-tune/memory.js';
import { sampleStep } from '../../dist/workers/training/fine-tune/sample-step.js';
import { embedded, kernelMs } from './engine.mjs';

/** Milliseconds of processor time that this process has used. */
const used = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/**
 * Compiles the request (see `sampleStep`), makes `steps` steps of the rows that `dataOf(graphs)` gives, pixels if it is left out,
 * and prints one JSON line: milliseconds of every step (wall clock, processor time, in TensorFlow), of building and compiling, MiB estimated
 * and the peak of resident memory.
 */
export async function timed(executor, request, steps, dataOf) {
  const begun = performance.now();
  // As in a job on a processor: sizes are told by onnxruntime.
  const measuring = executor.engine.executor === 'onnxruntime' ? executor : embedded();
  const sample = await sampleStep(executor, request, dataOf, measuring);
  const compile = performance.now() - begun;
  const [times, cpu, kernels] = [[], [], []];
  for (let number = 1; number <= steps; number++) {
    const [start, before, within] = [performance.now(), used(), kernelMs()];
    await sample.step(number);
    times.push(performance.now() - start);
    cpu.push(used() - before);
    kernels.push(kernelMs() - within);
  }
  const [estimate, mib] = [totalOf(sample.graphs.memory) / 2 ** 20, process.resourceUsage().maxRSS / 1024];
  console.log(JSON.stringify({ times, cpu, kernels, compile, estimate, mib }));
}
