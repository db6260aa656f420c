// A process of its own: keeps one GET on each of `connections` connections for `seconds` and prints one JSON line.
//   node job-status-load.mjs '{"url": …, "headers": {…}, "expect": "job_…", "connections": 16, "seconds": 5, "warmup": 1}'
// Plain sockets and one request written once, so that the load takes as little as possible of the machine it shares.
import { connect } from 'node:net';

const { url, headers, expect, connections, seconds, warmup } = JSON.parse(process.argv[2]);
const { hostname, port, pathname, host } = new URL(url);
const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
const request = Buffer.from(`GET ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n`);
const latencies = [];
const from = performance.now() + warmup * 1000;
const until = from + seconds * 1000;

function connection() {
  const socket = connect(Number(port), hostname);
  let answer = '';
  let sentAt = 0;
  const send = () => {
    sentAt = performance.now();
    socket.write(request);
  };
  return new Promise((resolve, reject) => {
    socket.setNoDelay(true).setEncoding('latin1').once('connect', send).once('error', reject);
    socket.once('close', () => reject(new Error('The server closed the connection.')));
    socket.on('data', (text) => {
      answer += text;
      const end = answer.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(answer)?.[1] ?? Number.NaN);
      if (answer.length < end + 4 + length) return;
      if (!answer.startsWith('HTTP/1.1 200') || !answer.includes(expect)) reject(new Error(answer));
      const now = performance.now();
      if (sentAt >= from && now <= until) latencies.push(now - sentAt);
      answer = '';
      if (now < until) return send();
      resolve();
      socket.destroy();
    });
  });
}

await Promise.all(Array.from({ length: connections }, connection));
latencies.sort((a, b) => a - b);
const at = (q) => latencies[Math.floor(q * latencies.length)] ?? null;
console.log(JSON.stringify({ rps: latencies.length / seconds, p50: at(0.5), p95: at(0.95) }));
