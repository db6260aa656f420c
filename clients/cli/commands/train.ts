import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, type Dataset, type Job, type JobRequest } from '../../api/client.js';
import { columnOptions, columnsOf, refuseColumnsOf } from '../columns.js';
import { showEvaluation } from '../evaluation.js';
import { hyperparameterOptions, hyperparametersOf } from '../hyperparameters.js';
import { type Command, type Context, numberOf, UsageError } from '../options.js';
import { untilChecked, untilEnded } from '../wait.js';
import { archiveOf } from '../zip-folder.js';

/** Uploads a folder or archive (a folder is zipped first) and waits until it is checked. */
export async function addDataset(
  { client, out, values }: Pick<Context, 'client' | 'out' | 'values'>,
  source: string,
  without?: ReadonlySet<string>,
): Promise<Dataset> {
  const archive = await archiveOf(source, { without });
  try {
    if (archive.skipped > 0) out.error(`${archive.skipped} symbolic links were left out.`);
    const columns = columnsOf(values);
    // Only tables of texts have columns, whatever the file is called.
    const task = values.task ?? (columns === null ? taskOf(source) : 'text-classification');
    const progress = (sent: number, total: number) => out.progress('uploading', sent, total);
    const created = await client.datasets.add(archive.path, values['dataset-name'] ?? archive.name, task, {
      progress,
      ...(columns === null ? {} : { columns }),
    });
    return await untilChecked(created, () => client.datasets.get(created.id), out);
  } finally {
    await archive.dispose();
  }
}

/** What a file is for, by its name; where that says nothing, pictures. */
const taskOf = (source: string): string =>
  /\.(csv|tsv|jsonl|ndjson)(\.gz)?$/i.test(source) ? 'text-classification' : 'image-classification';

/** Says what checking found; true when it can be trained on. */
export async function showDataset(
  { client, out }: Pick<Context, 'client' | 'out'>,
  dataset: Dataset,
): Promise<boolean> {
  if (dataset.state !== 'ready') {
    out.problem({ ...dataset.error!, status: 422 });
    return false;
  }
  const { summary } = dataset;
  if (summary === null || out.json) return true;
  const splits = Object.entries(summary.splits)
    .filter(([, n]) => n > 0)
    .map(([name, n]) => `${n} ${name}`);
  out.text(
    `${dataset.id}  ${summary.examples} examples (${splits.join(', ')}), ${summary.labels.length} labels: ${summary.labels
      .slice(0, 8)
      .map((label) => label.name)
      .join(', ')}${summary.labels.length > 8 ? ', …' : ''}`,
  );
  if (summary.rejected + summary.duplicates + summary.leaks > 0) {
    const report = await client.datasets.report(dataset.id);
    for (const item of report.rejected.slice(0, 10)) out.text(`  left out: ${item.path}: ${item.detail}`);
    if (report.rejected.length > 10)
      out.text(`  … and ${summary.rejected - 10} more; \`graft datasets report ${dataset.id}\``);
    if (summary.duplicates > 0) out.text(`  ${summary.duplicates} duplicates`);
    if (summary.leaks > 0)
      out.text(`  ${summary.leaks} examples stand in training and in validation or test alike: the accuracy flatters`);
  }
  return true;
}

/** `--fine-tune all`, `--fine-tune 3`, `--scratch`, or neither. */
function methodOf(values: Context['values']): { type: string; layers?: 'all' | number } {
  const layers = values['fine-tune'];
  if (values.scratch !== undefined) {
    if (layers !== undefined) throw new UsageError('--scratch and --fine-tune are two methods; give one.');
    return { type: 'scratch' };
  }
  if (layers === undefined) return { type: 'featureExtraction' };
  if (layers !== 'all' && !/^[1-9]\d*$/.test(layers))
    throw new UsageError(`--fine-tune takes 'all' or the number of last layers to train, not '${layers}'.`);
  return { type: 'fineTuning', layers: layers === 'all' ? 'all' : Number(layers) };
}

const ENGINES: readonly string[] = ['auto', 'onnxruntime', 'tensorflow'] satisfies NonNullable<JobRequest['engine']>[];

/** What the options say of the job; read before anything is sent. Throws `UsageError`. */
function settingsOf(values: Context['values']): Omit<JobRequest, 'task' | 'dataset'> {
  const fraction = numberOf(values, 'validation');
  const { engine } = values;
  if (engine !== undefined && !ENGINES.includes(engine))
    throw new UsageError(`--engine takes ${ENGINES.join(', ')}, not '${engine}'.`);
  return {
    ...(values.base === undefined ? {} : { base: values.base }),
    ...(values.name === undefined ? {} : { name: values.name }),
    ...(engine === undefined ? {} : { engine }),
    method: { ...methodOf(values), ...(values.cut === undefined ? {} : { cut: values.cut }) },
    hyperparameters: hyperparametersOf(values),
    ...(fraction === undefined ? {} : { validation: { fraction } }),
  } as Omit<JobRequest, 'task' | 'dataset'>;
}

const BASE_PATIENCE_MS = 60_000;

/** Posts a job; waits for a base that is still being checked, as the installation's own is just after the first start. */
export async function createJob({ client, out }: Pick<Context, 'client' | 'out'>, request: JobRequest): Promise<Job> {
  const end = performance.now() + BASE_PATIENCE_MS;
  for (;;) {
    try {
      return await client.jobs.create(request);
    } catch (error) {
      const waiting = error instanceof ApiError && error.problem.code === 'base-not-ready';
      if (!waiting || performance.now() > end) throw error;
      out.progress('checking', 0, 0);
      await sleep(500);
    }
  }
}

/** Follows a job; Ctrl-C leaves it running and says how to come back. */
export async function follow({ client, out }: Context, id: string): Promise<number> {
  const detach = () => {
    out.end();
    process.stderr.write(
      `\nThe job goes on. \`graft jobs watch ${id}\` follows it again, \`graft jobs cancel ${id}\` ends it.\n`,
    );
    process.exit(130);
  };
  process.once('SIGINT', detach);
  const job = await untilEnded(client, id, out).finally(() => process.off('SIGINT', detach));
  return finish({ client, out }, job);
}

/** Says how a job ended: the evaluation, or why there is none. Answers the exit code. */
export async function finish({ client, out }: Pick<Context, 'client' | 'out'>, job: Job): Promise<number> {
  if (out.json) {
    out.data(job);
    return job.state === 'succeeded' ? 0 : 1;
  }
  if (job.state === 'succeeded' && job.model) {
    const seconds =
      job.startedAt && job.finishedAt ? (Date.parse(job.finishedAt) - Date.parse(job.startedAt)) / 1000 : null;
    out.text(`${job.id}  succeeded${seconds === null ? '' : ` in ${seconds.toFixed(1)} s`}\n`);
    showEvaluation(await client.models.evaluation(job.model), out);
    if (job.method.type !== 'featureExtraction') {
      const { epochs, batchSize, microBatch, learningRate } = job.hyperparameters;
      const passes = microBatch === undefined || microBatch === batchSize ? '' : ` in passes of ${microBatch}`;
      out.text(
        `\n${epochs === 1 ? '1 epoch' : `${epochs} epochs`}, batches of ${batchSize}${passes}, learning rate ${learningRate}; what was chosen, and why: graft jobs events ${job.id}`,
      );
    }
    const example = job.task === 'text-classification' ? '"a text"' : 'photo.jpg';
    out.text(`\nModel ${job.model}\n  graft predict ${job.model} ${example}\n  graft models download ${job.model}`);
    return 0;
  }
  if (job.error) out.problem({ ...job.error, status: 500 });
  else out.text(`${job.id}  ${job.state}`);
  return job.state === 'paused' ? 0 : 1;
}

export const train: Command = {
  name: 'train',
  args: ['FOLDER|ARCHIVE|TABLE|ds_…'],
  about: 'upload pictures or texts, train a model, show how good it is',
  options: {
    base: 'name, id or digest of the base (the one that came with Graft)',
    name: 'name of the job and its model',
    'dataset-name': 'name of the dataset (the folder)',
    task: 'image-classification or text-classification (told by the name of the file)',
    ...columnOptions,
    validation: 'fraction to set aside (the dataset’s own split, else 0.2)',
    cut: 'tensor of the base to take features from',
    engine: 'auto, onnxruntime or tensorflow; `graft doctor` shows what is here (auto)',
    'fine-tune': "train the base's last n layers too, or 'all' (none: only a head is trained)",
    ...hyperparameterOptions,
  },
  flags: { scratch: 'train the same network from fresh weights, to compare', detach: 'do not wait for the end' },
  async run(context) {
    const { client, out, args, values } = context;
    const source = args[0]!;
    if (!source.startsWith('ds_')) {
      await stat(source).catch(() => {
        throw new UsageError(`There is no folder, archive, table or dataset '${source}'.`);
      });
    }
    const settings = settingsOf(values);
    if (source.startsWith('ds_')) refuseColumnsOf(source, values);
    if (values.base !== undefined) await client.bases.get(values.base);
    const dataset = source.startsWith('ds_') ? await client.datasets.get(source) : await addDataset(context, source);
    if (!(await showDataset(context, dataset))) return 1;
    const job = await createJob(context, { task: dataset.task, dataset: dataset.id, ...settings } as JobRequest);
    if (values.detach !== undefined) {
      if (out.json) out.data(job);
      else out.text(`${job.id}  ${job.state}\n  graft jobs watch ${job.id}`);
      return 0;
    }
    return follow(context, job.id);
  },
};
