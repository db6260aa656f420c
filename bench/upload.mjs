// Uploading 500 MB, as a form (POST /v1/datasets) and raw (PUT …/content), against a bare Node server that writes and
// hashes; all sent by curl, in turns. Also what the API process's resident memory grows by.
//   npm run bench:upload [-- rounds megabytes]
// Prints a line per upload, then medians and their ratios; exits with 1 beyond a bar.
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startService } from './predict/service.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const scratch = join(here, 'out/upload');
const [rounds, megabytes] = [Number(process.argv[2] ?? 5), Number(process.argv[3] ?? 500)];
const BARS = { ratio: 0.7, growthMB: 64 };

/** Random bytes, which nothing on the way can make smaller. Returns their digest. */
function makeFile(path) {
  const hash = createHash('sha256');
  const block = Buffer.alloc(1_000_000);
  const file = openSync(path, 'w');
  for (let i = 0; i < megabytes; i++) {
    randomFillSync(block);
    hash.update(block);
    writeSync(file, block);
  }
  closeSync(file);
  return hash.digest('hex');
}

async function startPeer() {
  const child = spawn(process.execPath, [join(here, 'upload-peer.mjs'), scratch], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [port] = await child.stdout.setEncoding('utf8').take(1).toArray();
  return { url: `http://127.0.0.1:${port.trim()}`, stop: () => child.kill('SIGKILL') };
}

/** The API among the processes that `npm start` runs. */
function apiOf(supervisor) {
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      if (parent === supervisor && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('dist/src/main.js'))
        return Number(name);
    } catch {
      // It ended meanwhile.
    }
  }
  throw new Error('There is no API process.');
}
const residentMB = (pid) =>
  (Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024) / 1e6;

/** One upload by curl, its answer and its seconds; `watch` is called every 20 ms meanwhile. */
async function curl(args, watch = () => {}) {
  const child = spawn('curl', ['-sS', '--fail-with-body', '-H', 'expect:', '-w', '\n%{time_total}', ...args]);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part) => (text += part));
  const timer = setInterval(watch, 20);
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearInterval(timer);
  if (code !== 0) throw new Error(`curl ended with ${code}: ${text}`);
  const at = text.lastIndexOf('\n');
  return { body: text.slice(0, at), seconds: Number(text.slice(at + 1)) };
}

/** Until the check has looked at the upload (it is no archive, so that takes no time) and nothing is under way. */
async function settled(url, id) {
  for (;;) {
    const { state } = await (await fetch(`${url}/v1/datasets/${id}`)).json();
    if (state === 'invalid') return;
    if (state === 'ready') throw new Error('Random bytes were taken for an archive.');
    await sleep(50);
  }
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

rmSync(scratch, { recursive: true, force: true });
mkdirSync(join(scratch, 'home'), { recursive: true });
const file = join(scratch, 'upload.zip');
const digest = makeFile(file);
const small = join(scratch, 'small.zip');
execFileSync('head', ['-c', '1000', file], { stdio: ['ignore', openSync(small, 'w'), 'inherit'] });
const service = await startService(join(here, '..'), join(scratch, 'home'));
let peer;
try {
  peer = await startPeer();
  const fields = ['-F', 'task=image-classification'];
  const created = await curl([`${service.url}/v1/datasets`, '-F', 'name=raw', ...fields, '-F', `file=@${small}`]);
  const { id } = JSON.parse(created.body);
  await settled(service.url, id);
  const api = apiOf(service.pid);
  const before = residentMB(api);
  let most = before;
  const watch = () => {
    most = Math.max(most, residentMB(api));
  };
  const ways = {
    peer: () => curl(['-T', file, peer.url]),
    raw: () =>
      curl(['-T', file, '-H', 'content-type: application/zip', `${service.url}/v1/datasets/${id}/content`], watch),
    form: () => curl([`${service.url}/v1/datasets`, '-F', 'name=form', ...fields, '-F', `file=@${file}`], watch),
  };
  const seen = { peer: [], raw: [], form: [] };
  const order = Object.keys(ways);
  // Round 0 compiles and is not counted.
  for (let round = 0; round <= rounds; round++) {
    for (const way of round % 2 === 0 ? order : order.toReversed()) {
      // What earlier uploads left to the kernel to write must not slow down this one.
      execFileSync('sync');
      const { body, seconds } = await ways[way]();
      if (!body.includes(digest)) throw new Error(`${way}: the answer has another digest: ${body.slice(0, 300)}`);
      if (way !== 'peer') {
        const dataset = JSON.parse(body);
        await settled(service.url, dataset.id);
        if (way === 'form') await fetch(`${service.url}/v1/datasets/${dataset.id}`, { method: 'DELETE' });
      }
      if (round > 0) seen[way].push(megabytes / seconds);
      const memory = way === 'peer' ? '' : `  resident at most ${most.toFixed(0)} MB`;
      console.log(
        `round ${round}  ${way.padEnd(4)}  ${seconds.toFixed(2)} s  ${(megabytes / seconds).toFixed(0)} MB/s${memory}`,
      );
    }
  }
  const growth = most - before;
  let missed = growth >= BARS.growthMB;
  for (const way of ['raw', 'form']) {
    const ratio = median(seen[way].map((speed, i) => speed / seen.peer[i]));
    missed ||= ratio < BARS.ratio;
    console.log(
      `${way}: ${median(seen[way]).toFixed(0)} MB/s against ${median(seen.peer).toFixed(0)} MB/s, ratio ${ratio.toFixed(2)} (bar ${BARS.ratio})`,
    );
  }
  console.log(
    `resident memory of the API: ${before.toFixed(0)} MB before, ${most.toFixed(0)} MB at most, growth ${growth.toFixed(0)} MB (bar ${BARS.growthMB})`,
  );
  if (missed) process.exitCode = 1;
} finally {
  peer?.stop();
  await service.stop();
  rmSync(scratch, { recursive: true, force: true });
}
