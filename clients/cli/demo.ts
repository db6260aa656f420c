import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { ApiError, type Client, createClient, type Dataset, type Job } from '../api/client.js';
import { inWords, mediaType, type Prediction } from './commands/models.js';
import { addDataset, createJob, finish, showDataset } from './commands/train.js';
import { createOutput, type Output } from './output.js';
import { untilChecked, untilEnded } from './wait.js';

export interface Demo {
  readonly url: string;
  readonly apiKey?: string;
  /** A folder of pictures per label, if need be inside `train` and `val`. */
  readonly folder: string;
  /** A base that learned nothing: its features are the pixels themselves. */
  readonly rawPixels: { readonly name: string; readonly path: string };
}

export interface Served {
  readonly model: string;
  /** A picture that was kept back, to try the model on; null where the labels have too few to spare any. */
  readonly picture: { readonly path: string; readonly mediaType: string } | null;
}

/** As many pictures of a label are kept back to be predicted at the end; fewer where a label has few. */
const KEPT_BACK = 2;
const KEPT_BACK_SHARE = 0.1;
const PICTURE = /\.(jpe?g|png|webp|gif|tiff?|avif)$/i;
const VALIDATION = /^(val|valid|validation|test)$/i;

/**
 * The main job on one folder, told as it goes: upload, training, evaluation, what the same job reaches without a base,
 * and predictions on pictures that were kept back.
 * @returns what is served now; null where the job failed, which has been said then.
 */
export async function runDemo({ url, apiKey, folder, rawPixels }: Demo): Promise<Served | null> {
  const out = createOutput({ json: false, colour: process.env.NO_COLOR === undefined });
  const client = createClient({ url, ...(apiKey ? { apiKey } : {}) });
  try {
    const unseen = await keptBack(folder);
    const dataset = await addDataset({ client, out, values: {} }, folder, new Set(unseen));
    if (!(await showDataset({ client, out }, dataset))) return null;
    const job = await trained(client, out, dataset);
    out.text('');
    if ((await finish({ client, out }, job)) !== 0) return null;
    await compare(client, out, { dataset, job, rawPixels });
    if (unseen.length > 0) out.text('\nPictures that were kept back, and what the model says of them:');
    for (const file of unseen) out.text(`  ${relative(folder, file)}  ${await said(client, job.model!, file)}`);
    const [path] = unseen;
    const picture = path === undefined ? null : { path, mediaType: mediaType(await readFile(path)) };
    return { model: job.model!, picture };
  } finally {
    out.end();
  }
}

const requestOf = (dataset: Dataset) => ({ task: dataset.task, dataset: dataset.id }) as const;

/** A job on the dataset with defaults only, followed until it ended. */
export async function trained(client: Client, out: Output, dataset: Dataset, base?: string): Promise<Job> {
  const job = await createJob({ client, out }, { ...requestOf(dataset), ...(base === undefined ? {} : { base }) });
  return untilEnded(client, job.id, out);
}

/** The same on a base of one's own, which is added where it is not there yet; null where it cannot be used. */
export async function trainedOn(
  client: Client,
  out: Output,
  dataset: Dataset,
  { name, path }: { readonly name: string; readonly path: string },
): Promise<Job | null> {
  const there = await client.bases.get(name).catch(() => null);
  const added = there ?? (await client.bases.add(path, name));
  const ready = await untilChecked(added, () => client.bases.get(added.id), out);
  return ready.state === 'ready' ? trained(client, out, dataset, ready.id) : null;
}

/** How many examples the job's model learned from: those that it was not measured on. */
export async function learnedFrom(client: Client, dataset: Dataset, job: Job): Promise<number> {
  const { train = 0, validation = 0 } = dataset.summary?.splits ?? {};
  const { examples } = (await client.models.evaluation(job.model!)) as { examples: number };
  return train + validation - examples;
}

/** The last pictures by name of every label; of its validation pictures where there are such. */
async function keptBack(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const labels = new Map<string, { all: string[]; validation: string[] }>();
  for (const entry of entries) {
    if (!entry.isFile() || !PICTURE.test(entry.name)) continue;
    const words = relative(folder, entry.parentPath).split(/[\\/]/);
    const label = words.at(-1)!;
    const of = labels.get(label) ?? { all: [], validation: [] };
    labels.set(label, of);
    const path = join(entry.parentPath, entry.name);
    of.all.push(path);
    if (words.some((word) => VALIDATION.test(word))) of.validation.push(path);
  }
  const kept = [...labels.values()].flatMap(({ all, validation }) => {
    const from = validation.length > 0 ? validation : all;
    const count = Math.min(KEPT_BACK, Math.floor(from.length * KEPT_BACK_SHARE));
    return count === 0 ? [] : from.sort().slice(-count);
  });
  return kept.sort();
}

/** From scratch, the network has so many passes over the pictures and so long, whichever ends first. */
const SCRATCH_EPOCHS = 2;
const SCRATCH_MS = 20_000;

/** What the base brought: the same job on the same network with fresh weights, and on bare pixels. */
async function compare(
  client: Client,
  out: Output,
  { dataset, job, rawPixels }: { dataset: Dataset; job: Job; rawPixels: Demo['rawPixels'] },
): Promise<void> {
  const base = await client.bases.get(job.base.id);
  const scratch = await createJob(
    { client, out },
    { ...requestOf(dataset), base: base.id, method: { type: 'scratch' }, hyperparameters: { epochs: SCRATCH_EPOCHS } },
  );
  const late = setTimeout(() => void client.jobs.act(scratch.id, 'stop').catch(() => {}), SCRATCH_MS);
  const fresh = await untilEnded(client, scratch.id, out).finally(() => clearTimeout(late));
  const bare = await trainedOn(client, out, dataset, rawPixels);
  out.text(`\nWhat transfer buys: what is learned from ${await learnedFrom(client, dataset, job)} pictures`);
  out.table([
    ...resultOf(`with ${base.name}`, job),
    ...resultOf('the same network from scratch', fresh),
    ...(bare === null ? [] : resultOf('the pixels alone', bare)),
  ]);
}

/** A line of the comparison; none for a job that did not end well. */
export function resultOf(what: string, job: Job): readonly string[][] {
  if (job.state !== 'succeeded' || !job.startedAt || !job.finishedAt) return [];
  const accuracy = `${(100 * (job.metrics['validation/accuracy'] ?? Number.NaN)).toFixed(1)} %`;
  const seconds = (Date.parse(job.finishedAt) - Date.parse(job.startedAt)) / 1000;
  return [[`  ${what}`, `${accuracy.padStart(7)} right`, `in ${seconds.toFixed(1).padStart(5)} s`]];
}

/** What the model says of a picture, or why it is none: one broken file must not end the demo. */
async function said(client: Client, model: string, file: string): Promise<string> {
  try {
    const bytes = await readFile(file);
    const answer = await client.models.predict(model, bytes, mediaType(bytes), { top: 2 });
    const { top, error } = answer.predictions[0] as Prediction;
    return error === undefined ? inWords(top!) : error.detail;
  } catch (error) {
    if (error instanceof ApiError && error.problem.code === 'input-invalid') return error.problem.detail;
    throw error;
  }
}
