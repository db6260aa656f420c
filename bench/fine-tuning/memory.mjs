// What a fine-tuning job was expected to take of memory, and what its process held at most, as the job itself says, for
// MobileNetV2 at 224x224 with every layer trained. Few pictures: the peak is reached in the first steps.
//   npm run bench:memory [-- pictures a label]
// Exits with 1 where the peak is more than 1.5 times the estimate.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addBase, addPhotos, finished, zipOf } from '../photos.mjs';
import { startService } from '../predict/service.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const data = join(root, '../shared/data');
const most = Number(process.argv[2] ?? 32);
const BAR = 1.5;
const CASES = [
  { batchSize: 8, batchNorm: 'frozen' },
  { batchSize: 32, batchNorm: 'frozen' },
  { batchSize: 8, batchNorm: 'live' },
  { batchSize: 32, batchNorm: 'live' },
  { batchSize: 32, microBatch: 8, batchNorm: 'frozen', averageDecay: 0.9 },
];
const home = mkdtempSync(join(tmpdir(), 'graft-memory-'));
const service = await startService(root, home);
const mib = (bytes) => Math.round(bytes / 2 ** 20);
try {
  const zip = join(home, 'photos.zip');
  await zipOf(join(data, 'datasets/hymenoptera'), zip, most);
  const dataset = await addPhotos(service.url, zip, 'photos');
  const model = 'mobilenetv2-1.0-imagenet-backbone-bn';
  const base = await addBase(service.url, join(data, 'models', `${model}.onnx`), model);
  for (const hyperparameters of CASES) {
    const method = { type: 'fineTuning', layers: 'all' };
    const { job } = await finished(service.url, {
      ...{ dataset, base, method },
      hyperparameters: { epochs: 1, ...hyperparameters },
    });
    const { estimate, peak } = job.memory;
    const ratio = peak / estimate.total;
    if (ratio > BAR) process.exitCode = 1;
    const parts = Object.entries(estimate).map(([name, bytes]) => `${name} ${mib(bytes)}`);
    console.log(
      `${ratio > BAR ? 'MISSED' : 'ok    '} ${JSON.stringify(hyperparameters)}: peak ${mib(peak)} MiB, estimated ${mib(estimate.total)}: ${ratio.toFixed(2)}x (bar ${BAR}; MiB: ${parts.join(', ')})`,
    );
  }
} finally {
  await service.stop();
  rmSync(home, { recursive: true, force: true });
}
