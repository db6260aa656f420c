// SST-2's 1,821 test sentences after training through the service, with defaults only.
//   npm run bench:text-accuracy [-- --base minilm|text-small] [--examples N] [--epochs N] [--fine-tune] [--seeds N] [--drawn]
// Trains on the first N sentences (all 6,920) with SST-2's dev split for validation (`--drawn`: without it, the job draws its
// own), a head alone or (`--fine-tune`) all layers. Prints a line a seed and the mean; exits with 1 below the bar.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startService } from '../predict/service.mjs';
import { addMinilm, addTable, trained } from './setup.mjs';

const { values } = parseArgs({
  options: {
    base: { type: 'string', default: 'minilm' },
    examples: { type: 'string', default: '6920' },
    epochs: { type: 'string' },
    'fine-tune': { type: 'boolean', default: false },
    drawn: { type: 'boolean', default: false },
    seeds: { type: 'string', default: '1' },
  },
});
const examples = Number(values.examples);
/** By base, method and examples; 0: reported only. */
const BARS = { minilm: { head: 0.81, 2000: 0.835, 6920: 0.86 }, 'text-small': { head: 0.76, 6920: 0.8 } };
const bar = BARS[values.base]?.[values['fine-tune'] ? examples : 'head'] ?? 0;

const root = join(import.meta.dirname, '../..');
const data = join(root, '../shared/data');
const home = join(root, 'bench/out/text-accuracy-home');
mkdirSync(home, { recursive: true });
const rows = (file, split, count = Number.POSITIVE_INFINITY) =>
  readFileSync(join(data, 'datasets/sst2/data/SST2', file), 'utf8')
    .trimEnd()
    .split('\n')
    .slice(0, count)
    .map((line) => line.split('\t'))
    .map(([text, label]) => [text, label === '1' ? 'good' : 'bad', split]);
const table = [
  ...rows('train.tsv', 'train', examples),
  ...(values.drawn ? [] : rows('dev.tsv', 'validation')),
  ...rows('test.tsv', 'test'),
];

const service = await startService(root, home);
try {
  if (values.base === 'minilm') await addMinilm(service.url, data, join(root, 'bench/out/text-accuracy-data'));
  const dataset = await addTable(service.url, 'sst2', ['text', 'label', 'split'], table);
  const found = [];
  for (let seed = 0; seed < Number(values.seeds); seed++) {
    const { job } = await trained(service.url, {
      dataset: dataset.id,
      base: values.base,
      method: values['fine-tune'] ? { type: 'fineTuning', layers: 'all' } : { type: 'featureExtraction' },
      hyperparameters: { seed, ...(values.epochs === undefined ? {} : { epochs: Number(values.epochs) }) },
    });
    const seconds = (Date.parse(job.finishedAt) - Date.parse(job.startedAt)) / 1000;
    const { 'test/accuracy': test, 'validation/accuracy': validation } = job.metrics;
    found.push(test);
    console.log(`seed ${seed}: test ${test.toFixed(4)}, validation ${validation.toFixed(4)}, ${seconds.toFixed(0)} s`);
  }
  const mean = found.reduce((sum, one) => sum + one, 0) / found.length;
  console.log(`${values.base}, ${examples} sentences: test accuracy ${mean.toFixed(4)} (bar ${bar || 'none'})`);
  if (mean < bar) process.exitCode = 1;
} finally {
  await service.stop();
}
