// Pictures a second of the feature pass, decoding excluded, of photo-small and other bases against MobileNetV2 at 224:
// the graph that a training process runs (uint8 pixels in, the default cut out), batches of 8, all in turns.
//   npm run bench:base-speed [-- --runs 4] [FILE.onnx ...]
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from '../../scripts/build.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '4' } },
});
await build();
const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const dist = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href);
const { onnxruntimeExecutor, shapeRunner } = await dist('workers/executors/onnxruntime.js');
const { decodeModel, inputShapes, measureShapes } = await dist('src/onnx/index.js');
const { describe } = await dist('src/onnx/describe/describe.js');
const { pixelTrunk } = await dist('src/tasks/image-classification/compose.js');

const BATCH = 8;
const TURNS = 9;
const BATCHES = 4;
/** Clearly faster; the aim is 2. */
const LEAST = 1.5;
const teacher = join(root, '../shared/data/models/mobilenetv2-1.0-imagenet-backbone.onnx');
const photoSmall = join(root, 'bases/photo-small/photo-small.onnx');
if (!existsSync(teacher)) {
  console.error(`MobileNetV2 is not there (${teacher}); nothing was measured.`);
  process.exit(1);
}
const executor = onnxruntimeExecutor({ threads: availableParallelism() });
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];

/** Compiles a base's feature pass; answers what runs one batch of noise through it. */
async function passOf(path) {
  const model = decodeModel(readFileSync(path));
  const shapes = await measureShapes(model, inputShapes(model, { batch: 2 }), shapeRunner(executor));
  const { cuts, preprocessing } = describe(model, { shapes });
  const program = await executor.compile(pixelTrunk(model, cuts.find((cut) => cut.default).tensor, preprocessing));
  const dims = [BATCH, preprocessing.crop, preprocessing.crop, 3];
  const data = Uint8Array.from({ length: dims.reduce((a, b) => a * b) }, () => Math.random() * 256);
  return {
    name: `${basename(path, '.onnx')} at ${preprocessing.crop}`,
    run: () => program.run({ pixels: { dataType: 'uint8', dims, data } }, program.outputs),
  };
}

const passes = [];
for (const path of [teacher, photoSmall, ...positionals]) passes.push(await passOf(path));
for (let run = 1; run <= Number(values.runs); run++) {
  const rates = passes.map(() => []);
  for (let turn = 0; turn <= TURNS; turn++)
    for (const [i, pass] of passes.entries()) {
      const start = performance.now();
      for (let n = 0; n < BATCHES; n++) await pass.run();
      // The first turn warms up.
      if (turn > 0) rates[i].push((BATCH * BATCHES) / ((performance.now() - start) / 1000));
    }
  const [theirs, ...ours] = rates.map(median);
  const words = ours.map((rate, i) => `${passes[i + 1].name} ${rate.toFixed(0)}/s, ${(rate / theirs).toFixed(2)}x`);
  const missed = ours[0] / theirs < LEAST;
  if (missed) process.exitCode = 1;
  console.log(
    `${missed ? 'MISSED' : 'ok    '} run ${run}: ${passes[0].name} ${theirs.toFixed(0)}/s; ${words.join('; ')}; load ${loadavg()[0].toFixed(1)}`,
  );
}
