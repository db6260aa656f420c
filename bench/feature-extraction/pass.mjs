// Pictures per second of the feature pass against bare decode and forward: the same decoder and the same graph, every
// core busy, nothing between them (`npm run bench:feature-extraction` starts this as a process of its own).
//   node bench/feature-extraction/pass.mjs <base.onnx> <cut> <folder of photos> [rounds]
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';

const dist = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href);
const { extractFeatures } = await dist('workers/training/features.js');
const { onnxruntimeExecutor } = await dist('workers/executors/onnxruntime.js');
const { decodeImage } = await dist('workers/data/decode.js');
const { decodeModel } = await dist('src/onnx/index.js');
const { pixelTrunk } = await dist('src/tasks/image-classification/compose.js');

const [basePath, cut, folder, rounds = '5'] = process.argv.slice(2);
const preprocessing = {
  resize: 256,
  crop: 224,
  layout: 'NCHW',
  channels: 'RGB',
  scale: 1 / 255,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};
const files = readdirSync(folder, { recursive: true })
  .map((name) => join(folder, name))
  .filter((path) => /\.jpe?g$/i.test(path) && statSync(path).isFile())
  .sort()
  .map((path) => readFileSync(path));
const home = mkdtempSync(join(tmpdir(), 'graft-pass-'));
const packPath = join(home, 'pack');
writeFileSync(packPath, Buffer.concat(files));
let offset = 0;
const examples = files.map((bytes, index) => {
  const at = offset;
  offset += bytes.length;
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { index, path: String(index), label: 'x', split: null, offset: at, bytes: bytes.length, digest };
});
const threads = availableParallelism();
const executor = onnxruntimeExecutor({ threads });
const bytes = readFileSync(basePath);
const base = { path: basePath, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` };

async function pass(round) {
  const spec = {
    base,
    cut,
    width: null,
    input: { kind: 'image', preprocessing },
    packPath,
    cache: { root: join(home, String(round)), maxBytes: 1e9 },
  };
  const start = performance.now();
  const { computed } = await extractFeatures(executor, spec, examples, () => {});
  return computed / ((performance.now() - start) / 1000);
}

const program = await executor.compile(pixelTrunk(decodeModel(bytes), cut, preprocessing));
/** All pictures decoded by as many threads as there are cores, then all of them run: no waiting, no other work. */
async function bare() {
  const start = performance.now();
  const pixels = await Promise.all(files.map((file) => decodeImage(file, preprocessing)));
  const decoded = performance.now();
  const size = preprocessing.crop ** 2 * 3;
  const batch = new Uint8Array(8 * size);
  for (let at = 0; at < pixels.length; at += 8) {
    const part = pixels.slice(at, at + 8);
    part.forEach((picture, i) => {
      batch.set(picture, i * size);
    });
    const dims = [part.length, preprocessing.crop, preprocessing.crop, 3];
    await program.run(
      { pixels: { dataType: 'uint8', dims, data: batch.subarray(0, part.length * size) } },
      program.outputs,
    );
  }
  const end = performance.now();
  return {
    rate: files.length / ((end - start) / 1000),
    decode: (decoded - start) / files.length,
    forward: (end - decoded) / files.length,
  };
}

const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
await bare();
const ours = [];
const bares = [];
for (let round = 0; round < Number(rounds); round++) {
  bares.push(await bare());
  ours.push(await pass(round));
}
rmSync(home, { recursive: true, force: true });
const rates = { pass: median(ours), bare: median(bares.map((b) => b.rate)) };
console.log(
  JSON.stringify({
    pictures: files.length,
    threads,
    passPerSecond: rates.pass,
    barePerSecond: rates.bare,
    ratio: rates.pass / rates.bare,
    decodeMs: median(bares.map((b) => b.decode)),
    forwardMs: median(bares.map((b) => b.forward)),
    peakMiB: process.resourceUsage().maxRSS / 1024,
  }),
);
