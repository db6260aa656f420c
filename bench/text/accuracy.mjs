// Accuracy on held-out film reviews after training through the service, with defaults only.
//   npm run bench:text-accuracy [-- --base minilm|text-small] [--fine-tune | --scratch] [--seeds 0,1,2] [--drawn]
//                                  [--examples N] [--epochs N] [--data sst2|rt-polarity]
// SST-2: trains on the first N sentences (all 6,920) with its dev split for validation (`--drawn`: without it, the job draws its
// own) and tests on its 1,821. rt-polarity: a tenth, drawn with seed 0, to test on. A head alone, `--fine-tune` all layers, or
// `--scratch` the same graph with fresh weights. Prints a line a seed and the mean; exits with 1 below the bar.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startService } from '../predict/service.mjs';
import { rtPolarity, sst2 } from './reviews.mjs';
import { addMinilm, addTable, trained } from './setup.mjs';

const { values } = parseArgs({
  options: {
    base: { type: 'string', default: 'minilm' },
    data: { type: 'string', default: 'sst2' },
    examples: { type: 'string', default: '6920' },
    epochs: { type: 'string' },
    'fine-tune': { type: 'boolean', default: false },
    scratch: { type: 'boolean', default: false },
    drawn: { type: 'boolean', default: false },
    seeds: { type: 'string', default: '0' },
  },
});
const examples = Number(values.examples);
const seeds = values.seeds.split(',').map(Number);
const type = values.scratch ? 'scratch' : values['fine-tune'] ? 'fineTuning' : 'featureExtraction';
/** On SST-2, by base, method and examples; 0: reported only. */
const BARS = {
  minilm: { featureExtraction: 0.81, 'fineTuning 2000': 0.835, 'fineTuning 6920': 0.86 },
  'text-small': { featureExtraction: 0.76, 'fineTuning 6920': 0.8 },
};
const onSst2 = values.data === 'sst2';
const bar = (onSst2 && BARS[values.base]?.[type === 'fineTuning' ? `${type} ${examples}` : type]) || 0;

const root = join(import.meta.dirname, '../..');
const data = join(root, '../shared/data');
const home = join(root, 'bench/out/text-accuracy-home');
mkdirSync(home, { recursive: true });
const table = onSst2 ? sst2(data, { examples, drawn: values.drawn }) : rtPolarity(data, { seed: 0 });
const count = (split) => table.filter((row) => row[2] === split).length;

const service = await startService(root, home);
try {
  if (values.base === 'minilm') await addMinilm(service.url, data, join(root, 'bench/out/text-accuracy-data'));
  const dataset = await addTable(service.url, values.data, ['text', 'label', 'split'], table);
  const found = [];
  for (const seed of seeds) {
    const { job } = await trained(service.url, {
      dataset: dataset.id,
      base: values.base,
      method: type === 'fineTuning' ? { type, layers: 'all' } : { type },
      hyperparameters: { seed, ...(values.epochs === undefined ? {} : { epochs: Number(values.epochs) }) },
    });
    const seconds = (Date.parse(job.finishedAt) - Date.parse(job.startedAt)) / 1000;
    const { 'test/accuracy': test, 'validation/accuracy': validation } = job.metrics;
    found.push(test);
    console.log(`seed ${seed}: test ${test.toFixed(4)}, validation ${validation.toFixed(4)}, ${seconds.toFixed(0)} s`);
  }
  const mean = found.reduce((sum, one) => sum + one, 0) / found.length;
  console.log(
    `${values.base}, ${type} on ${count('train')} sentences of ${values.data}: test accuracy ${mean.toFixed(4)} on ${count('test')} (bar ${bar || 'none'})`,
  );
  if (mean < bar) process.exitCode = 1;
} finally {
  await service.stop();
}
