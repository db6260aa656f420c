// A data set's folder as a zip, and the calls that put it and a base into a running service.
import { createWriteStream, openAsBlob, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ZipFile } from 'yazl';
import { call, settled } from './feature-extraction/service.mjs';

/** Zips `<folder>/train/<label>/…` and `<folder>/val/<label>/…`, of each label the first `most` pictures. */
export async function zipOf(folder, path, most = Number.POSITIVE_INFINITY) {
  const archive = new ZipFile();
  for (const split of ['train', 'val'])
    for (const label of readdirSync(join(folder, split)).sort())
      for (const name of readdirSync(join(folder, split, label))
        .sort()
        .slice(0, most))
        archive.addFile(join(folder, split, label, name), `${split}/${label}/${name}`, { compress: false });
  archive.end();
  await new Promise((resolve, reject) =>
    archive.outputStream.pipe(createWriteStream(path)).on('close', resolve).on('error', reject),
  );
}

async function form(fields, path, type) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append('file', await openAsBlob(path, { type }), basename(path));
  return { method: 'POST', body };
}

/** Answers the id of the base once it is ready. */
export async function addBase(url, path, name) {
  const made = await call(url, '/v1/bases', await form({ name }, path, 'application/octet-stream'));
  await settled(url, `/v1/bases/${made.id}`, 'ready', 100);
  return made.id;
}

/** Answers the id of the data set once it is ready. */
export async function addPhotos(url, zip, name) {
  const fields = { name, task: 'image-classification' };
  const made = await call(url, '/v1/datasets', await form(fields, zip, 'application/zip'));
  await settled(url, `/v1/datasets/${made.id}`, 'ready', 100);
  return made.id;
}

/** A connection that is closed between two questions is no answer: over an hour of asking there is always one. */
async function patiently(work, tries = 50) {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (error.message !== 'fetch failed' || --tries === 0) throw error;
    }
  }
}

/** Posts a job, waits until it succeeded, and answers it with the seconds that it took. */
export async function finished(url, request) {
  const body = JSON.stringify({ task: 'image-classification', ...request });
  const { id } = await call(url, '/v1/jobs', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const job = await patiently(() => settled(url, `/v1/jobs/${id}`, 'succeeded', 500));
  return { job, seconds: (Date.parse(job.finishedAt) - Date.parse(job.startedAt)) / 1000 };
}
