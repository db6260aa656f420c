// Accuracy with defaults only, on a data set's own split and on splits drawn by the seeds 1 to 5 (a fifth of all pictures
// each), for each base. Runs what a worker's training process runs, without the service around it.
//   npm run bench:accuracy                                   ants/bees, every image base at hand and two floors
//   npm run bench:accuracy -- --dataset cifar10-subset FILE.onnx ...
// Floors: 'raw pixels' is a base that only flattens 32x32 pixels, 'untrained' is photo-small with random weights.
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from '../../scripts/build.mjs';
import { rawPixels } from '../../scripts/demo/raw-pixels.mjs';
import { untrained } from './floors.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { dataset: { type: 'string', default: 'hymenoptera' } },
});
await build();
const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const dist = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href);
const { run } = await dist('workers/training/run.js');
const { onnxruntimeExecutor, shapeRunner } = await dist('workers/executors/onnxruntime.js');
const { decodeModel, inputShapes, measureShapes } = await dist('src/onnx/index.js');
const { describe } = await dist('src/onnx/describe/describe.js');

const data = join(root, '../shared/data');
const photos = join(data, 'datasets', values.dataset);
const home = mkdtempSync(join(tmpdir(), 'graft-accuracy-'));
const digestOf = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const examples = [];
const pack = [];
let offset = 0;
for (const [folder, split] of [
  ['train', 'train'],
  ['val', 'validation'],
])
  for (const label of readdirSync(join(photos, folder)).sort())
    for (const name of readdirSync(join(photos, folder, label)).sort()) {
      if (!/\.(jpe?g|png)$/i.test(name)) continue;
      const bytes = readFileSync(join(photos, folder, label, name));
      const path = `${folder}/${label}/${name}`;
      examples.push({
        index: examples.length,
        path,
        label,
        split,
        offset,
        bytes: bytes.length,
        digest: digestOf(bytes),
      });
      pack.push(bytes);
      offset += bytes.length;
    }
writeFileSync(join(home, 'pack'), Buffer.concat(pack));
const executor = onnxruntimeExecutor({ threads: availableParallelism() });
const control = {
  stopped: () => false,
  leaving: () => false,
  breathe: () => new Promise((resolve) => setImmediate(resolve)),
};
const percent = (x) => `${(100 * x).toFixed(1)} %`;

const photoSmall = join(root, 'bases/photo-small/photo-small.onnx');
const models = join(data, 'models');
const files =
  positionals.length > 0
    ? positionals
    : [
        photoSmall,
        join(models, 'mobilenetv2-1.0-imagenet-backbone.onnx'),
        join(models, 'squeezenet1.1-imagenet-fp32.onnx'),
        join(models, 'mobilenetv1-0.25-imagenet.onnx'),
        await untrained(photoSmall, join(home, 'untrained.onnx')),
        await rawPixels(join(home, 'raw-pixels.onnx')),
      ];
/** The least accuracy on the data set's own split that this project promises. */
const LEAST = {
  hymenoptera: {
    'photo-small': 0.88,
    'mobilenetv2-1.0-imagenet-backbone': 0.954,
    'squeezenet1.1-imagenet-fp32': 0.92,
    'mobilenetv1-0.25-imagenet': 0.84,
  },
  'cifar10-subset': { 'photo-small': 0.72 },
};
for (const path of files) {
  const name = basename(path, '.onnx');
  const least = LEAST[values.dataset]?.[name] ?? 0;
  const model = decodeModel(readFileSync(path));
  const shapes = await measureShapes(model, inputShapes(model, { batch: 2 }), shapeRunner(executor));
  const facts = describe(model, { shapes });
  const cut = facts.cuts.find((c) => c.default);
  const accuracy = async (fraction, seed) => {
    const hyperparameters = {
      epochs: 'auto',
      learningRate: 'auto',
      batchSize: 'auto',
      weightDecay: 'auto',
      labelSmoothing: 0,
      seed,
    };
    const spec = {
      model: { id: 'mdl_accuracy', name },
      jobId: 'job_accuracy',
      dataset: { id: 'ds_accuracy', revision: 1, name: values.dataset, digest: '' },
      base: { id: 'base_accuracy', name, digest: digestOf(readFileSync(path)), license: null, path },
      method: { type: 'featureExtraction' },
      cut: cut.tensor,
      width: cut.features,
      input: { kind: 'image', preprocessing: facts.preprocessing },
      packPath: join(home, 'pack'),
      examples,
      hyperparameters,
      fraction,
      cache: { root: join(home, 'cache'), maxBytes: 1e9 },
      threads: availableParallelism(),
      outDir: join(home, 'out'),
    };
    return (await run(executor, executor, spec, control, () => {})).metrics['validation/accuracy'];
  };
  const own = await accuracy(null, 1);
  const drawn = [];
  for (const seed of [1, 2, 3, 4, 5]) drawn.push(await accuracy(0.2, seed));
  const mean = drawn.reduce((a, b) => a + b, 0) / drawn.length;
  if (own < least) process.exitCode = 1;
  console.log(
    `${own < least ? 'MISSED' : 'ok    '} ${name}: own split ${percent(own)} (>= ${percent(least)}); five drawn splits ${drawn.map(percent).join(', ')}, mean ${percent(mean)}`,
  );
}
rmSync(home, { recursive: true, force: true });
