// A process of its own: keeps `connections` requests in the air for `seconds` and prints one JSON line of what it saw.
// node load.mjs '{"url": …, "files": […], "connections": 8, "seconds": 8, "warmup": 2}'
import { readFileSync } from 'node:fs';
import { Client } from 'undici';

const { url, files, connections, seconds, warmup } = JSON.parse(process.argv[2]);
const bodies = files.map((file) => readFileSync(file));
const { origin, pathname } = new URL(url);
const latencies = [];
const errors = new Map();
let next = 0;
const from = performance.now() + warmup * 1000;
const until = from + seconds * 1000;

async function connection() {
  const client = new Client(origin);
  for (let now = performance.now(); now < until; now = performance.now()) {
    const body = bodies[next++ % bodies.length];
    const { statusCode, body: answer } = await client.request({
      path: pathname,
      method: 'POST',
      headers: { 'content-type': 'image/jpeg' },
      body,
    });
    const content = await answer.text();
    const end = performance.now();
    if (statusCode !== 200 || !content.includes('"probability"')) {
      const what = `${statusCode} ${content.slice(0, 200)}`;
      errors.set(what, (errors.get(what) ?? 0) + 1);
    } else if (now >= from && end <= until) latencies.push(end - now);
  }
  await client.close();
}

await Promise.all(Array.from({ length: connections }, connection));
latencies.sort((a, b) => a - b);
const at = (q) => latencies[Math.min(latencies.length - 1, Math.floor(q * latencies.length))] ?? null;
console.log(
  JSON.stringify({ rps: latencies.length / seconds, p50: at(0.5), p95: at(0.95), p99: at(0.99), errors: [...errors] }),
);
