// Bases, tables and jobs of the benchmarks on texts, over HTTP.
import { createWriteStream, mkdirSync, openAsBlob, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ZipFile } from 'yazl';
import { call, settled } from '../predict/service.mjs';

async function zipped(folder, file) {
  const zip = new ZipFile();
  for (const name of readdirSync(folder, { recursive: true }))
    if (statSync(join(folder, name)).isFile()) zip.addFile(join(folder, name), name, { compress: false });
  zip.end();
  await new Promise((done, failed) =>
    zip.outputStream.pipe(createWriteStream(file)).on('close', done).on('error', failed),
  );
  return file;
}

const form = (fields) => {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, ...[value].flat());
  return { method: 'POST', body };
};

/** MiniLM as a base, or the one that is there by that name. */
export async function addMinilm(url, data, scratch) {
  const known = (await call(url, '/v1/bases?limit=100')).data.find(({ name }) => name === 'minilm');
  if (known) return known;
  mkdirSync(scratch, { recursive: true });
  const folder = await zipped(join(data, 'models/minilm-l6-v2'), join(scratch, 'minilm.zip'));
  const base = await call(url, '/v1/bases', form({ name: 'minilm', file: [await openAsBlob(folder), 'minilm.zip'] }));
  return settled(url, `/v1/bases/${base.id}`, 'ready');
}

export async function addTable(url, name, columns, rows) {
  const quoted = (value) => `"${value.replaceAll('"', '""')}"`;
  const lines = [columns, ...rows].map((row) => row.map(quoted).join());
  const file = [new Blob([`${lines.join('\n')}\n`]), `${name}.csv`];
  const dataset = await call(url, '/v1/datasets', form({ name, task: 'text-classification', file }));
  return settled(url, `/v1/datasets/${dataset.id}`, 'ready');
}

/** The job when it has succeeded, and its model. */
export async function trained(url, request) {
  const body = JSON.stringify({ task: 'text-classification', ...request });
  const job = await call(url, '/v1/jobs', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const done = await settled(url, `/v1/jobs/${job.id}`, 'succeeded');
  return { job: done, model: await call(url, `/v1/models/${done.model}`) };
}
