// The true service in a folder of its own, driven over HTTP, and the memory of its worker processes.
import { openAsBlob, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export async function call(url, path, init) {
  const answer = await fetch(url + path, init);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${init?.method ?? 'GET'} ${path}: ${answer.status} ${text.slice(0, 500)}`);
  return JSON.parse(text);
}

/**
 * Asks until the state is the one wanted; a state that can no longer become it is an error. Asking more often would take the cores
 * from what is measured: a hundred answers a second are a sixth of one.
 */
export async function settled(url, path, good, everyMs = 50) {
  for (;;) {
    const thing = await call(url, path);
    if (thing.state === good) return thing;
    if (thing.error) throw new Error(`${path} is ${thing.state}: ${thing.error.detail}`);
    await sleep(everyMs);
  }
}

export async function upload(url, { base, zip }) {
  const form = async (path, type, fields) => {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    body.append('file', await openAsBlob(path, { type }), path.split('/').at(-1));
    return { method: 'POST', body };
  };
  const made = await call(url, '/v1/bases', await form(base, 'application/octet-stream', { name: 'mobilenetv2' }));
  const fields = { name: 'ants and bees', task: 'image-classification' };
  const data = await call(url, '/v1/datasets', await form(zip, 'application/zip', fields));
  await Promise.all([
    settled(url, `/v1/bases/${made.id}`, 'ready', 100),
    settled(url, `/v1/datasets/${data.id}`, 'ready', 100),
  ]);
  return { base: made.id, dataset: data.id };
}

/** From POST to `succeeded`, in seconds. */
export async function job(url, ids) {
  const body = JSON.stringify({ task: 'image-classification', ...ids });
  const start = performance.now();
  const { id } = await call(url, '/v1/jobs', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const done = await settled(url, `/v1/jobs/${id}`, 'succeeded');
  return { seconds: (performance.now() - start) / 1000, metrics: done.metrics, hyperparameters: done.hyperparameters };
}

function processes() {
  const found = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1] ?? 0);
      found.push({ pid: Number(name), parent, rss, line: readFileSync(`/proc/${name}/cmdline`, 'utf8') });
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}

/** Largest sum of the resident memory of the worker and all it started, in MiB, looked at every 50 ms while `work` runs. */
export async function peakOfWorkers(supervisor, work) {
  let most = 0;
  let watching = true;
  const watch = (async () => {
    while (watching) {
      const all = processes();
      const inside = new Set(
        all.filter((p) => p.parent === supervisor && p.line.includes('workers/main.js')).map((p) => p.pid),
      );
      for (let before = -1; before !== inside.size; ) {
        before = inside.size;
        for (const p of all) if (inside.has(p.parent)) inside.add(p.pid);
      }
      most = Math.max(most, all.filter((p) => inside.has(p.pid)).reduce((sum, p) => sum + p.rss, 0) / 1024);
      await sleep(50);
    }
  })();
  try {
    return { result: await work(), peakMiB: () => most };
  } finally {
    watching = false;
    await watch;
  }
}
