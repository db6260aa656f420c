import { type Client, createClient, type Dataset, type Job } from '../api/client.js';
import { inWords, type Prediction } from './commands/models.js';
import { addDataset, finish, showDataset } from './commands/train.js';
import { learnedFrom, resultOf, trained, trainedOn } from './demo.js';
import { createOutput, type Output } from './output.js';

export interface TextDemo {
  readonly url: string;
  readonly apiKey?: string;
  /** A table of texts and labels. */
  readonly file: string;
  /** Texts that are not in the table, to be predicted at the end. */
  readonly keptBack: readonly string[];
  /** A base that learned nothing: its features are the words alone, in no order. */
  readonly bag: { readonly name: string; readonly path: string };
}

/**
 * The main job on a table of texts, told as it goes: upload, training, evaluation, what a bag of words reaches, and
 * predictions on texts that were kept back.
 * @returns the model; null where the job failed, which has been said then.
 */
export async function runTextDemo({ url, apiKey, file, keptBack, bag }: TextDemo): Promise<string | null> {
  const out = createOutput({ json: false, colour: process.env.NO_COLOR === undefined });
  const client = createClient({ url, ...(apiKey ? { apiKey } : {}) });
  try {
    const dataset = await addDataset({ client, out, values: { task: 'text-classification' } }, file);
    if (!(await showDataset({ client, out }, dataset))) return null;
    const job = await trained(client, out, dataset);
    out.text('');
    if ((await finish({ client, out }, job)) !== 0) return null;
    await compare(client, out, { dataset, job, bag });
    if (keptBack.length > 0) await predictKept(client, out, job.model!, keptBack);
    return job.model!;
  } finally {
    out.end();
  }
}

/** What the base brought: the same job on the words alone. */
async function compare(
  client: Client,
  out: Output,
  { dataset, job, bag }: { dataset: Dataset; job: Job; bag: TextDemo['bag'] },
): Promise<void> {
  const base = await client.bases.get(job.base.id);
  const words = await trainedOn(client, out, dataset, bag);
  out.text(`\nWhat transfer buys: what is learned from ${await learnedFrom(client, dataset, job)} texts`);
  out.table([
    ...resultOf(`with ${base.name}`, job),
    ...(words === null ? [] : resultOf('a bag of words, as its tokenizer cuts them', words)),
  ]);
}

async function predictKept(client: Client, out: Output, model: string, texts: readonly string[]): Promise<void> {
  const { predictions } = await client.models.predictTexts(model, texts, { top: 2 });
  out.text('\nTexts that were kept back, and what the model says of them:');
  out.table(texts.map((text, i) => [`  ${text}`, inWords((predictions[i] as Prediction).top!)]));
}
