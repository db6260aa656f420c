// Wall time of the main job, from POST to `succeeded`, against the same job in PyTorch, in turns on the same cores.
//   npm run bench:feature-extraction [-- rounds]
// First job: the feature cache is emptied before it; everything else is warm. Second job: the same again. Memory is measured in
// one more first job. Prints a line per round, then medians and ratios; exits with 1 where a bar is missed.
import { execFileSync } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ZipFile } from 'yazl';
import { startService } from '../predict/service.mjs';
import { startPeer } from './peer.mjs';
import { job, peakOfWorkers, upload } from './service.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');
const out = join(root, 'bench/out');
const data = join(root, '../shared/data');
const photos = join(data, 'datasets/hymenoptera');
const base = join(data, 'models/mobilenetv2-1.0-imagenet-backbone.onnx');
const rounds = Number(process.argv[2] ?? 5);
const BARS = {
  'first job / PyTorch as installed': { most: 0.35 },
  'first job / PyTorch at its best': { most: 1.0 },
  'second job / first job': { most: 0.25 },
  'feature pass / bare decode and forward': { least: 0.85 },
  'peak memory of the workers, MiB': { most: 1200 },
  'validation accuracy': { least: 0.954 },
};

if (!existsSync(photos)) {
  console.error(`The photos are not there (${photos}); nothing was measured.`);
  process.exit(1);
}
mkdirSync(out, { recursive: true });
const home = mkdtempSync(join(tmpdir(), 'graft-bench-'));
const zip = join(home, 'hymenoptera.zip');
const archive = new ZipFile();
for (const split of ['train', 'val'])
  for (const label of ['ants', 'bees'])
    for (const name of readdirSync(join(photos, split, label)))
      archive.addFile(join(photos, split, label, name), `${split}/${label}/${name}`, { compress: false });
archive.end();
await new Promise((resolve, reject) =>
  archive.outputStream.pipe(createWriteStream(zip)).on('close', resolve).on('error', reject),
);

const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const peerScript = join(here, 'peer.py');
const service = await startService(root, home);
const peers = {
  installed: await startPeer(peerScript, { out, base, photos, best: false }),
  best: await startPeer(peerScript, { out, base, photos, best: true }),
};
let peakMiB;
const seen = { first: [], second: [], installed: [], best: [], accuracy: [], peerAccuracy: [] };
try {
  const ids = await upload(service.url, { base, zip });
  console.log(
    `${availableParallelism()} cores, load ${loadavg()[0].toFixed(1)}, torch ${peers.best.about.torch}; warming`,
  );
  await job(service.url, ids);
  await peers.installed.job();
  await peers.best.job();
  for (let round = 1; round <= rounds; round++) {
    rmSync(join(home, 'cache/features'), { recursive: true, force: true });
    const first = await job(service.url, ids);
    const second = await job(service.url, ids);
    const [installed, best] = [await peers.installed.job(), await peers.best.job()];
    seen.first.push(first.seconds);
    seen.second.push(second.seconds);
    seen.installed.push(installed.seconds);
    seen.best.push(best.seconds);
    seen.accuracy.push(first.metrics['validation/accuracy'], second.metrics['validation/accuracy']);
    seen.peerAccuracy.push(installed.accuracy);
    const told = [first, second, installed, best].map((r) => `${r.seconds.toFixed(2)} s`).join(', ');
    console.log(
      `round ${round}: first, second, PyTorch as installed, at its best: ${told}; load ${loadavg()[0].toFixed(1)}`,
    );
  }
  // Looking at all processes takes time from them: a job of its own.
  rmSync(join(home, 'cache/features'), { recursive: true, force: true });
  peakMiB = (await peakOfWorkers(service.pid, () => job(service.url, ids))).peakMiB();
} finally {
  for (const peer of Object.values(peers)) peer.stop();
  await service.stop();
}
const env = { ...process.env, UV_THREADPOOL_SIZE: String(availableParallelism() + 1) };
const pass = JSON.parse(
  execFileSync(process.execPath, [join(here, 'pass.mjs'), base, 'features', photos, String(rounds)], {
    encoding: 'utf8',
    env,
  }),
);
rmSync(home, { recursive: true, force: true });

const first = median(seen.first);
const results = {
  'first job / PyTorch as installed': first / median(seen.installed),
  'first job / PyTorch at its best': first / median(seen.best),
  'second job / first job': median(seen.second) / first,
  'feature pass / bare decode and forward': pass.ratio,
  'peak memory of the workers, MiB': peakMiB,
  'validation accuracy': Math.min(...seen.accuracy),
};
console.log(
  `medians: first ${first.toFixed(2)} s, second ${median(seen.second).toFixed(2)} s, PyTorch as installed ${median(seen.installed).toFixed(2)} s, at its best ${median(seen.best).toFixed(2)} s (its accuracy ${median(seen.peerAccuracy).toFixed(3)})`,
);
console.log(
  `pictures a second: pass ${pass.passPerSecond.toFixed(0)}, bare ${pass.barePerSecond.toFixed(0)} (decode ${pass.decodeMs.toFixed(2)} ms, forward ${pass.forwardMs.toFixed(2)} ms a picture)`,
);
let missed = 0;
for (const [name, value] of Object.entries(results)) {
  const { most, least } = BARS[name];
  const ok = most === undefined ? value >= least : value <= most;
  if (!ok) missed++;
  console.log(
    `${ok ? 'ok    ' : 'MISSED'} ${name}: ${value.toFixed(3)} (${most === undefined ? `>= ${least}` : `<= ${most}`})`,
  );
}
process.exit(missed === 0 ? 0 : 1);
