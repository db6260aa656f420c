// What step.mjs and text.mjs have in common: the settings of a run, and its steps timed.

import { tuneGraphs } from '../../dist/workers/training/fine-tune/graphs.js';
import { totalOf } from '../../dist/workers/training/fine-tune/memory.js';
import { tuner } from '../../dist/workers/training/fine-tune/trainer.js';

const CLASSES = 10;

/** Milliseconds of processor time that this process has used. */
const used = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/**
 * Compiles the request (trunk, parameters, batch and what differs from AdamW over all layers) with a head of ten classes over
 * `width` features, makes `steps` steps of the rows that `dataOf(graphs)` gives, and prints one JSON line: milliseconds of
 * every step (wall clock and processor time), of building and compiling, MiB estimated and the peak of resident memory.
 */
export async function timed(executor, { width, parameters, ...request }, steps, dataOf) {
  const begun = performance.now();
  const graphs = await tuneGraphs(executor, {
    classes: CLASSES,
    head: { weight: new Float32Array(CLASSES * width).fill(0.01), bias: new Float32Array(CLASSES) },
    parameters: parameters.map((p) => ({ ...p, rate: 1 })),
    liveStatistics: false,
    optimizer: 'adamw',
    weightDecay: 0.01,
    clip: 1,
    keepFrozen: false,
    accumulates: false,
    unfreezes: false,
    averages: false,
    ...request,
  });
  const net = await tuner(executor, graphs);
  const compile = performance.now() - begun;
  const data = dataOf(graphs);
  const targets = new Float32Array(request.batch * CLASSES);
  for (let k = 0; k < request.batch; k++) targets[k * CLASSES + (k % CLASSES)] = 1 / request.batch;
  const [times, cpu] = [[], []];
  for (let number = 1; number <= steps; number++) {
    const [start, before] = [performance.now(), used()];
    await net.step({ number, data, targets, rate: 1e-4, open: 0, averageDecay: 0 });
    times.push(performance.now() - start);
    cpu.push(used() - before);
  }
  const [estimate, mib] = [totalOf(graphs.memory) / 2 ** 20, process.resourceUsage().maxRSS / 1024];
  console.log(JSON.stringify({ times, cpu, compile, estimate, mib }));
}
