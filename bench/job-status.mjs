// GET /v1/jobs/{id} against a bare Fastify route that reads the same row by its key through pg: same database, same
// connections, in turns; with an API key and, as from this machine in the embedded default, without one.
//   npm run bench:job-status [-- rounds seconds connections]
// Prints a line per round, then medians and their ratios; exits with 1 below the bar.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startService, trainedModel } from './predict/service.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..');
const data = join(root, '../shared/data');
const home = join(here, 'out/job-status-home');
const [rounds, seconds, connections] = [5, 5, 16].map((usual, i) => Number(process.argv[2 + i] ?? usual));
const BAR = 0.5;

/** The service's database, as its API process knows it. */
function databaseOf(supervisor) {
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      const found = /(?:^|\0)DATABASE_URL=([^\0]+)/.exec(readFileSync(`/proc/${name}/environ`, 'utf8'))?.[1];
      if (parent === supervisor && found !== undefined) return found;
    } catch {
      // It ended meanwhile, or is another user's.
    }
  }
  throw new Error('There is no API process.');
}

async function startPeer(databaseUrl) {
  const child = spawn(process.execPath, [join(here, 'job-status-peer.mjs')], {
    env: { ...process.env, DATABASE_URL: databaseUrl },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [port] = await child.stdout.setEncoding('utf8').take(1).toArray();
  return { url: `http://127.0.0.1:${port.trim()}`, stop: () => child.kill('SIGKILL') };
}

async function call(url, path, json) {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(json) };
  const answer = await fetch(url + path, json === undefined ? {} : init);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

function load(options) {
  const given = JSON.stringify({ connections, seconds, warmup: 1, headers: {}, ...options });
  return JSON.parse(execFileSync(process.execPath, [join(here, 'job-status-load.mjs'), given], { encoding: 'utf8' }));
}
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

mkdirSync(home, { recursive: true });
const service = await startService(root, home);
let peer;
try {
  await trainedModel(service.url, data, join(here, 'out/job-status-data'));
  const job = (await call(service.url, '/v1/jobs?limit=1')).data[0];
  const { secret } = await call(service.url, '/v1/keys', { name: 'bench', scopes: ['read'] });
  peer = await startPeer(databaseOf(service.pid));
  const url = `${service.url}/v1/jobs/${job.id}`;
  const ways = {
    peer: { url: `${peer.url}/jobs/${job.id}` },
    'without key': { url },
    'with key': { url, headers: { authorization: `Bearer ${secret}` } },
  };
  const order = Object.keys(ways);
  const seen = Object.fromEntries(order.map((way) => [way, []]));
  // Round 0 compiles and is not counted.
  for (let round = 0; round <= rounds; round++) {
    for (const way of round % 2 === 0 ? order : order.toReversed()) {
      const { rps, p50, p95 } = load({ ...ways[way], expect: job.id });
      if (round > 0) seen[way].push(rps);
      console.log(
        `round ${round}  ${way.padEnd(11)}  ${rps.toFixed(0)}/s  p50 ${p50.toFixed(1)}  p95 ${p95.toFixed(1)} ms`,
      );
    }
  }
  for (const way of ['without key', 'with key']) {
    const ratio = median(seen[way].map((rps, i) => rps / seen.peer[i]));
    if (ratio < BAR) process.exitCode = 1;
    console.log(
      `${way}: ${median(seen[way]).toFixed(0)}/s against ${median(seen.peer).toFixed(0)}/s at ${connections} connections, ratio ${ratio.toFixed(2)} (bar ${BAR})`,
    );
  }
} finally {
  peer?.stop();
  await service.stop();
}
