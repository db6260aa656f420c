// A fine-tuning step of MobileNetV2 at 224x224 on the embedded engine against PyTorch eager, the same graph through onnx2torch,
// the same batch, two threads, in turns.
//   npm run bench:training [-- rounds]
// Prints medians of the later half of every run's steps, and ratios; exits with 1 where a bar is missed.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from '../../scripts/build.mjs';
import { python } from '../feature-extraction/peer.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');
const out = join(root, 'bench/out');
const models = join(root, '../shared/data/models');
const folded = join(models, 'mobilenetv2-1.0-imagenet-backbone.onnx');
const rounds = Number(process.argv[2] ?? 3);
const CASES = [
  { name: 'MobileNetV2, all layers, batch 8', batch: 8, steps: 10, bar: 1.0 },
  { name: 'MobileNetV2, all layers, batch 32', batch: 32, steps: 6, bar: 0.5 },
];
if (!existsSync(folded)) {
  console.error(`The model is not there (${folded}); nothing was measured.`);
  process.exit(1);
}
mkdirSync(out, { recursive: true });
await build();
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
// As the worker starts the processes that train.
const env = {
  ...process.env,
  MALLOC_TRIM_THRESHOLD_: '8589934592',
  MALLOC_MMAP_THRESHOLD_: '1073741824',
  MALLOC_ARENA_MAX: '1',
};
const line = (command, args, options = {}) =>
  JSON.parse(
    execFileSync(command, args, { encoding: 'utf8', ...options })
      .trim()
      .split('\n')
      .at(-1),
  );
let missed = 0;
for (const { name, batch, steps, bar } of CASES) {
  const ours = [];
  const theirs = [];
  for (let i = 0; i < rounds; i++) {
    ours.push(
      line(
        process.execPath,
        [join(here, 'step.mjs'), folded, 'features', '1280', batch, steps, 'all', 'frozen'].map(String),
        { env },
      ),
    );
    theirs.push(line(python(out), [join(here, 'peer.py'), folded, batch, steps].map(String)));
  }
  const step = (runs) => median(runs.flatMap((r) => r.times.slice(r.times.length / 2)));
  const [a, b] = [step(ours), step(theirs)];
  const [m, n] = [median(ours.map((r) => r.mib)), median(theirs.map((r) => r.mib))];
  if (a / b > bar || m / n > 1) missed++;
  console.log(
    `${name}: ${a.toFixed(0)} ms, PyTorch ${theirs[0].torch} ${b.toFixed(0)} ms: ${(a / b).toFixed(2)}x (bar ${bar})`,
  );
  console.log(
    `  memory ${m.toFixed(0)} MiB, PyTorch ${n.toFixed(0)} MiB: ${(m / n).toFixed(2)}x (bar 1.0); estimated ${ours[0].estimate.toFixed(0)} MiB; graphs and compiling ${median(ours.map((r) => r.compile)).toFixed(0)} ms`,
  );
}
process.exit(missed > 0 ? 1 : 0);
