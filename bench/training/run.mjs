// Training steps against PyTorch eager: the same graph through onnx2torch (text: the same network in
// transformers), the same batch, two threads, in turns.
//   npm run bench:training [-- rounds [words of the cases' names]]
// Prints medians of the later half of every run's steps and ratios, beside PyTorch at its best (channels_last, tcmalloc), and how
// far a missed bar is; exits with 1 where one is missed. On a machine that others use too, the wall clock says little:
// BENCH_TIME=cpu compares processor time, and BENCH_THREADS=1 then leaves out what threads wait for each other.
// BENCH_ENGINE=tensorflow measures the TensorFlow engine installed in GRAFT_HOME; BENCH_KERAS names a Python with Keras 3 and
// TensorFlow, whose `fit` is then measured beside it.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from '../../scripts/build.mjs';
import { python, tcmalloc } from '../feature-extraction/peer.mjs';
import { CASES } from './cases.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, '../out');
const [rounds = '3', ...words] = process.argv.slice(2);
const clock = process.env.BENCH_TIME === 'cpu' ? 'cpu' : 'times';
mkdirSync(out, { recursive: true });
await build();
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
// As the worker starts the processes that train.
const ourEnv = {
  ...process.env,
  MALLOC_TRIM_THRESHOLD_: '8589934592',
  MALLOC_MMAP_THRESHOLD_: '1073741824',
  MALLOC_ARENA_MAX: '1',
};
const line = (command, args, env = process.env) =>
  JSON.parse(execFileSync(command, args.map(String), { encoding: 'utf8', env }).trim().split('\n').at(-1));
const peer = (args, best) => {
  const env = best ? { ...process.env, LD_PRELOAD: tcmalloc() } : process.env;
  return line(python(out), [join(here, 'peer.py'), ...args, ...(best ? ['channels_last'] : [])], env);
};
const network = (name) => {
  const file = join(out, `${name}.onnx`);
  if (!existsSync(file)) execFileSync(python(out), [join(here, 'networks.py'), name, file], { stdio: 'inherit' });
  return file;
};

const step = (runs) => median(runs.flatMap((r) => r[clock].slice(r[clock].length / 2)));
const memory = (runs) => median(runs.map((r) => r.mib));
/** Of the second half of a run's steps; nothing on onnxruntime. */
const outsideLibrary = ({ times, kernels }) =>
  times.map((ms, i) => (kernels[i] > 0 ? 1 - kernels[i] / ms : Number.NaN)).slice(times.length / 2);
let missed = 0;
/** Prints a ratio, and how far it is from its bar where it has one and misses it. */
function judge(what, value, bar) {
  if (bar === undefined) return `${what} ${value.toFixed(2)}x`;
  const over = value > bar;
  if (over) missed++;
  return `${what} ${value.toFixed(2)}x (bar ${bar}${over ? `, missed by ${((value / bar - 1) * 100).toFixed(0)} %` : ''})`;
}

const chosen = CASES.filter((c) => words.every((word) => c.name.includes(word)));
const engine = process.env.BENCH_ENGINE ?? 'onnxruntime';
for (const { name, file, ours, theirs, bars = {}, compileBar, keras } of chosen) {
  const { installed, best: atBest, memory: room } = bars[engine] ?? {};
  const base = file(network);
  if (!existsSync(base)) {
    console.error(`${name}: the model is not there (${base}); not measured.`);
    missed++;
    continue;
  }
  const runs = [];
  const peers = theirs.map(() => []);
  const best = [];
  const fits = [];
  for (let i = 0; i < Number(rounds); i++) {
    runs.push(line(process.execPath, [join(here, ours.script), ...ours.args(base)], ourEnv));
    theirs.forEach((peered, k) => {
      peers[k].push(peer(peered.args(base), false));
    });
    if (theirs.length > 0) best.push(peer(theirs[0].args(base), true));
    if (keras && process.env.BENCH_KERAS)
      fits.push(line(process.env.BENCH_KERAS, [join(here, 'peer_keras.py'), ...keras]));
  }
  const compile = median(runs.map((r) => r.compile)) / 1000;
  const compiled = compileBar ? judge('graphs and compiling', compile / compileBar, 1) : '';
  console.log(
    `${name}: ${step(runs).toFixed(0)} ms, ${memory(runs).toFixed(0)} MiB; ready in ${compile.toFixed(1)} s ${compiled}`,
  );
  const outside = median(runs.flatMap(outsideLibrary));
  if (Number.isFinite(outside)) {
    console.log(`  outside TensorFlow: ${(100 * outside).toFixed(1)} % of a step (bar 8 %)`);
    if (outside > 0.08) missed++;
  }
  theirs.forEach((peered, k) => {
    const ratio = judge('time', step(runs) / step(peers[k]), peered.bar ?? installed);
    const space = judge('memory', memory(runs) / memory(peers[k]), room);
    const version = peers[k][0].torch;
    console.log(
      `  PyTorch ${version} ${peered.name}: ${step(peers[k]).toFixed(0)} ms, ${memory(peers[k]).toFixed(0)} MiB: ${ratio}, ${space}`,
    );
  });
  if (best.length > 0)
    console.log(
      `  PyTorch at its best: ${step(best).toFixed(0)} ms, ${memory(best).toFixed(0)} MiB: ${judge('time', step(runs) / step(best), atBest)}`,
    );
  if (fits.length > 0)
    console.log(
      `  Keras ${fits[0].keras} fit: ${step(fits).toFixed(0)} ms, ${memory(fits).toFixed(0)} MiB: ${judge('time', step(runs) / step(fits), 0.9)}`,
    );
}
process.exit(missed > 0 ? 1 : 0);
