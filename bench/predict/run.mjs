// Predictions per second over HTTP against FastAPI + uvicorn + onnxruntime + Pillow serving the same exported file.
//   npm run bench:predict [-- rounds seconds]
// Photos of about 100 kB as raw image/jpeg bodies, 8 and 32 connections, the two servers in turns, a load generator of
// its own process. Prints a line per round, then medians and their ratios; exits with 1 below the bar.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { download, freePort, startService, trainedModel } from './service.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');
const out = join(root, 'bench/out');
const data = join(root, '../shared/data');
const [rounds, seconds] = [Number(process.argv[2] ?? 5), Number(process.argv[3] ?? 8)];
const BAR = 1.2;
/** Requests that each server answers before anything counts. */
const WARMING = 4000;
const PACKAGES = ['fastapi', 'uvicorn[standard]', 'onnxruntime', 'pillow', 'numpy'];

function python() {
  const venv = join(out, 'peer-venv');
  const bin = join(venv, 'bin/python');
  if (!existsSync(join(venv, '.installed'))) {
    execFileSync('python3', ['-m', 'venv', venv], { stdio: 'inherit' });
    execFileSync(bin, ['-m', 'pip', '-q', 'install', ...PACKAGES], { stdio: 'inherit' });
    writeFileSync(join(venv, '.installed'), '');
  }
  return bin;
}

async function startPeer(files) {
  const port = await freePort();
  const paths = ['model.onnx', 'preprocessing.json', 'labels.json'].map((name) => join(files, name));
  const child = spawn(python(), [join(here, 'peer.py'), ...paths, String(port)], { stdio: 'inherit' });
  const url = `http://127.0.0.1:${port}`;
  while (
    !(await fetch(`${url}/docs`).then(
      (answer) => answer.ok,
      () => false,
    ))
  ) {
    if (child.exitCode !== null) throw new Error('The peer did not start.');
    await sleep(200);
  }
  return { url, stop: () => child.kill('SIGKILL') };
}

const folder = join(data, 'datasets/hymenoptera/val');
const photos = ['ants', 'bees']
  .flatMap((label) => readdirSync(join(folder, label)).map((name) => join(folder, label, name)))
  .filter((file) => statSync(file).size > 70_000 && statSync(file).size < 140_000)
  .slice(0, 64);

async function predict(url, file) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg' },
    body: readFileSync(file),
  });
  const { predictions } = await answer.json();
  return predictions[0];
}

/** Both must be doing the same work: same answer up to the difference between two resampling implementations. */
async function agreement(ours, peer) {
  let [same, largest] = [0, 0];
  for (const file of photos) {
    const [a, b] = [await predict(ours, file), await predict(peer, file)];
    if (a.label === b.label) same += 1;
    const other = b.top.find(({ label }) => label === a.label);
    largest = Math.max(largest, Math.abs(a.probability - other.probability));
  }
  return { same, of: photos.length, largest };
}

function load(url, connections) {
  const options = { url, files: photos, connections, seconds, warmup: 2 };
  const line = execFileSync(process.execPath, [join(here, 'load.mjs'), JSON.stringify(options)], { encoding: 'utf8' });
  const result = JSON.parse(line);
  if (result.errors.length > 0) throw new Error(`${url} answered with errors: ${JSON.stringify(result.errors)}`);
  return result;
}
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const home = join(out, 'predict-home');
mkdirSync(home, { recursive: true });
const service = await startService(root, home);
let peer;
try {
  const model = await trainedModel(service.url, data, join(out, 'predict-data'));
  const files = join(out, 'predict-model');
  await download(service.url, model, files, ['model.onnx', 'preprocessing.json', 'labels.json']);
  peer = await startPeer(files);
  const urls = { graft: `${service.url}/v1/models/${model.id}/predict`, peer: `${peer.url}/predict` };
  const agreed = await agreement(urls.graft, urls.peer);
  const bytes = photos.reduce((sum, file) => sum + statSync(file).size, 0) / photos.length;
  console.log(`${photos.length} photos, ${Math.round(bytes / 1000)} kB on average; same label on ${agreed.same},`);
  console.log(`largest difference of a probability ${agreed.largest.toFixed(4)}`);
  // Both have their code compiled and their memory mapped before anything counts; V8 takes some thousands of requests for that.
  for (const url of Object.values(urls)) for (let sent = 0; sent < WARMING; sent += load(url, 8).rps * seconds);
  const summary = [];
  for (const connections of [8, 32]) {
    const seen = { graft: [], peer: [] };
    for (let round = 0; round < rounds; round++) {
      for (const name of round % 2 === 0 ? ['graft', 'peer'] : ['peer', 'graft']) {
        const result = load(urls[name], connections);
        seen[name].push(result);
        const { rps, p50, p95 } = result;
        console.log(
          `${connections} connections  ${name.padEnd(5)}  ${rps.toFixed(0)}/s  p50 ${p50.toFixed(0)}  p95 ${p95.toFixed(0)} ms`,
        );
      }
    }
    const of = (name, key) => median(seen[name].map((result) => result[key]));
    const ratio = (key) => median(seen.graft.map((result, i) => result[key] / seen.peer[i][key]));
    const [rps, p95] = [ratio('rps'), ratio('p95')];
    summary.push({ connections, rps, p95, graft: of('graft', 'rps'), peer: of('peer', 'rps') });
    console.log(
      `${connections} connections: ${of('graft', 'rps').toFixed(0)}/s against ${of('peer', 'rps').toFixed(0)}/s, ` +
        `ratio ${rps.toFixed(2)} (bar ${BAR}); p95 ${of('graft', 'p95').toFixed(0)} against ${of('peer', 'p95').toFixed(0)} ms, ratio ${p95.toFixed(2)} (bar 1.00)`,
    );
  }
  writeFileSync(join(out, 'predict.json'), JSON.stringify({ at: new Date().toISOString(), agreed, summary }, null, 2));
  if (summary.some(({ rps, p95 }) => rps < BAR || p95 > 1)) process.exitCode = 1;
} finally {
  peer?.stop();
  await service.stop();
}
