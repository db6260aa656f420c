import { engineAsked } from '../domain/engine-asked.js';
import type { JobAction } from '../domain/lifecycle.js';
import type { Repositories } from '../domain/ports.js';
import type { Base, Hyperparameters, Job, Method, Task, TuningHyperparameters } from '../domain/types.js';
import { GraftError } from '../errors.js';
import { newId } from '../ids.js';
import { standardRules } from '../onnx/index.js';
import type { Enqueue } from '../queue/names.js';
import { TASK_TABLE } from '../tasks/index.js';
import { pointer } from '../words.js';
import { BUNDLED_TASK } from './bundled-bases.js';
import { liveEngines } from './engines.js';
import { trainableDataset } from './trainable.js';

export interface JobServices {
  readonly repositories: Pick<Repositories, 'jobs' | 'datasets' | 'bases' | 'engines'>;
  readonly enqueue: Enqueue;
  readonly config: { readonly embedded: boolean };
}
export interface JobRequest {
  readonly name?: string | null;
  readonly task: Task;
  readonly dataset: string;
  readonly base?: string;
  readonly engine?: Job['engineRequested'];
  readonly method?: { readonly type: Method['type']; readonly cut?: string; readonly layers?: 'all' | number };
  readonly hyperparameters?: Partial<Hyperparameters>;
  readonly validation?: { readonly fraction: number } | null;
  readonly metadata?: Readonly<Record<string, string>>;
}

function impossible(path: string, detail: string): GraftError {
  return new GraftError('job-impossible', detail, { errors: [{ path, code: 'value-impossible', detail }] });
}

/** What this version cannot do yet is refused in words before anything is written. */
function refuseUnbuilt({ task, method }: JobRequest): void {
  const row = TASK_TABLE[task];
  const trained = Object.keys(TASK_TABLE).join(' and ');
  if (row === undefined) throw impossible('/task', `This version trains ${trained}; '${task}' comes later.`);
  const type = method?.type ?? 'featureExtraction';
  if (!row.methods.includes(type))
    throw impossible(
      '/method/type',
      `This version trains ${task} by ${row.methods.join(', ')}; '${type}' comes later.`,
    );
}

/**
 * A job that asks for an engine waits for a worker that has it. On one machine with one worker there is none to wait for: the
 * engine is here once it is installed, and the request is better made then.
 */
async function refuseEngine({ repositories, config }: JobServices, request: JobRequest): Promise<void> {
  const { engine: engineRequested = 'auto', hyperparameters = {} } = request;
  refusePrecision(engineRequested, hyperparameters);
  const engine = engineAsked({ engineRequested, hyperparameters });
  if (engine === 'auto' || !config.embedded) return;
  const here = (await liveEngines(repositories)).filter((report) => report.executor === engine);
  if (here.length === 0 || here.some((report) => report.usable)) return;
  const [path, field] =
    engine === engineRequested ? ['/engine', 'engine'] : ['/hyperparameters/precision', 'precision'];
  const why = field === 'precision' ? ', which alone has mixed precision,' : '';
  throw impossible(
    path,
    `The engine '${engine}'${why} cannot be used here. Leave \`${field}\` out, or mend this: ${here[0]?.reason ?? 'no reason is known'}`,
  );
}

function refusePrecision(engine: Job['engineRequested'], { precision }: Partial<Hyperparameters>): void {
  if (precision === 'mixed' && engine === 'onnxruntime')
    throw impossible(
      '/hyperparameters/precision',
      "The engine 'onnxruntime' trains in float32 only; mixed precision is of the engine 'tensorflow'. Leave `precision` out, or ask for that engine.",
    );
}

/** The newest base of the installation's own that fits the task; one that is still being checked may. */
async function defaultBase({ repositories: { bases } }: JobServices, projectId: string, task: Task): Promise<Base> {
  const own = await bases.bundled(projectId);
  const fits = ({ name, facts }: Base) => facts?.tasks.includes(task) ?? (BUNDLED_TASK[name] ?? task) === task;
  const fitting = own.find((base) => base.state !== 'invalid' && fits(base));
  if (fitting !== undefined) return fitting;
  const page = await bases.list(projectId, { limit: 100 });
  const ready = page.data.filter((base) => base.state === 'ready' && base.facts?.tasks.includes(task));
  const names = ready.map((base) => `'${base.name}'`).join(', ');
  const hint = ready.length === 0 ? 'Add one with POST /v1/bases and name it.' : `Name one of these: ${names}.`;
  throw impossible('/base', `This installation has no base of its own for ${task} (it may have been deleted). ${hint}`);
}

async function usableBase(deps: JobServices, projectId: string, request: JobRequest): Promise<Base> {
  const base =
    request.base === undefined
      ? await defaultBase(deps, projectId, request.task)
      : await deps.repositories.bases.find(projectId, request.base);
  if (base === null) throw impossible('/base', `There is no base '${request.base?.slice(0, 100)}'.`);
  if (base.state === 'invalid') {
    throw new GraftError(
      'base-invalid',
      `The base '${base.name}' is invalid: ${base.error?.detail ?? 'see its error'}`,
      {
        ...(base.error?.errors === undefined ? {} : { errors: base.error.errors }),
      },
    );
  }
  if (base.state !== 'ready' || base.facts === null || base.digest === null) {
    throw new GraftError('base-not-ready', `The base '${base.name}' is being checked. Try again in a second.`, {
      retryAfter: 1,
    });
  }
  if (!base.facts.tasks.includes(request.task)) {
    const fits = base.facts.tasks.length === 0 ? 'no task of this version' : base.facts.tasks.join(', ');
    throw new GraftError(
      'base-unfit',
      `The base '${base.name}' fits ${fits}, not ${request.task}. ${base.facts.notes.join(' ')}`.trim(),
    );
  }
  return base;
}

function chosenCut(base: Base, request: JobRequest): string {
  const cuts = base.facts?.cuts ?? [];
  const wanted = request.method?.cut;
  const cut =
    wanted === undefined ? (cuts.find((one) => one.default) ?? cuts[0]) : cuts.find((one) => one.tensor === wanted);
  if (cut !== undefined) return cut.tensor;
  if (wanted === undefined)
    throw new GraftError('base-unfit', `The base '${base.name}' has no feature tensor to cut at.`);
  throw impossible(
    '/method/cut',
    `The base '${base.name}' cannot be cut at '${wanted}'; it can at ${cuts.map((one) => `'${one.tensor}'`).join(', ')}.`,
  );
}

const TUNING = [
  'optimizer',
  'schedule',
  'warmup',
  'gradientClip',
  'layerDecay',
  'patience',
  'batchNorm',
  'augmentation',
  'microBatch',
  'unfreezing',
  'averageDecay',
  'averageUse',
  'dropout',
  'layerDropout',
  'embeddings',
  'precision',
] as const satisfies readonly (keyof TuningHyperparameters)[];

function refuseTuning(task: Task, { type }: Pick<Method, 'type'>, hyperparameters: Partial<Hyperparameters>): void {
  if (task !== 'text-classification' && hyperparameters.embeddings !== undefined)
    throw impossible('/hyperparameters/embeddings', `Only texts have embeddings of words; leave it out for ${task}.`);
  if (task !== 'text-classification' && hyperparameters.longText !== undefined)
    throw impossible('/hyperparameters/longText', `Only texts can be too long to read; leave it out for ${task}.`);
  if (task !== 'text-classification' && hyperparameters.pooling !== undefined)
    throw impossible('/hyperparameters/pooling', `Only vectors of tokens are pooled so; leave it out for ${task}.`);
  if (type !== 'featureExtraction') return;
  const extra = TUNING.find((name) => hyperparameters[name] !== undefined);
  if (extra !== undefined)
    throw impossible(
      `/hyperparameters/${extra}`,
      `featureExtraction has no '${extra}': it trains a linear head only. Leave it out, or use fineTuning.`,
    );
}

function refuseUnknownLabels(weights: Hyperparameters['classWeights'], labels: readonly string[]): void {
  if (typeof weights !== 'object') return;
  const unknown = Object.keys(weights).find((name) => !labels.includes(name));
  if (unknown !== undefined)
    throw impossible(
      `/hyperparameters/classWeights/${pointer(unknown.slice(0, 100))}`,
      `The dataset has no label '${unknown.slice(0, 100)}'; its labels are ${labels.slice(0, 20).join(', ')}.`,
    );
}

/** The method as the job will have it. Throws `job-impossible` for what does not belong to it, or the base cannot do. */
function chosenMethod(base: Base, request: JobRequest): Method {
  const { type, layers } = request.method ?? { type: 'featureExtraction' as const };
  const cut = chosenCut(base, request);
  if (type !== 'fineTuning' && layers !== undefined)
    throw impossible('/method/layers', `${type} takes no \`layers\`; leave it out, or use fineTuning.`);
  refuseTuning(request.task, { type }, request.hyperparameters ?? {});
  if (type === 'featureExtraction') return { type, cut };
  const { opset, training } = base.facts!;
  const rules = standardRules();
  const missing = training.unsupportedOperators.filter((name) => !rules.supported(name, '', opset));
  // The last layers may lie above the operators without a rule: only the graph tells.
  if (missing.length > 0 && (type === 'scratch' || layers === undefined || layers === 'all'))
    throw new GraftError(
      'base-unfit',
      `The base '${base.name}' cannot be trained whole: no gradient rule covers ${missing.join(', ')} (opset ${opset}). Use featureExtraction, or fineTuning of the last layers above.`,
    );
  return type === 'scratch' ? { type, cut } : { type, layers: layers ?? 'all', cut };
}

const AUTO = {
  epochs: 'auto',
  learningRate: 'auto',
  batchSize: 'auto',
  weightDecay: 'auto',
  labelSmoothing: 'auto',
} as const;

/** Everything is checked first; then the row, then the queue. The job pins dataset revision and base digest. */
export async function createJob(deps: JobServices, projectId: string, request: JobRequest): Promise<Job> {
  refuseUnbuilt(request);
  await refuseEngine(deps, request);
  const { labels, ...dataset } = await trainableDataset(deps, projectId, request);
  refuseUnknownLabels(request.hyperparameters?.classWeights, labels);
  const base = await usableBase(deps, projectId, request);
  const method = chosenMethod(base, request);
  const job = await deps.repositories.jobs.create({
    id: newId('job'),
    projectId,
    name: request.name ?? null,
    task: request.task,
    dataset,
    base: { id: base.id, digest: base.digest! },
    method,
    hyperparameters: { ...AUTO, seed: 0, ...request.hyperparameters },
    validation: request.validation ?? null,
    metadata: request.metadata ?? {},
    engineRequested: request.engine ?? 'auto',
    retryOf: null,
  });
  await deps.enqueue('job.train', { jobId: job.id });
  return job;
}

export async function findJob(deps: Pick<JobServices, 'repositories'>, projectId: string, id: string): Promise<Job> {
  const found = await deps.repositories.jobs.get(projectId, id);
  if (found === null) throw new GraftError('not-found', `There is no job '${id.slice(0, 100)}'.`);
  return found;
}

export async function requestOfJob(
  deps: JobServices,
  projectId: string,
  id: string,
  action: Exclude<JobAction, 'retry'>,
): Promise<Job> {
  const job = await deps.repositories.jobs.request(projectId, id, action);
  if (action === 'resume') await deps.enqueue('job.train', { jobId: job.id });
  return job;
}

/** A terminal state never changes, so a failed job is tried again as a new one that pins the same things. */
export async function retryJob(
  deps: JobServices,
  projectId: string,
  id: string,
  changes: Partial<Hyperparameters> = {},
): Promise<Job> {
  const old = await findJob(deps, projectId, id);
  if (old.state !== 'failed') {
    throw new GraftError('state-conflict', `The job is ${old.state}; 'retry' is possible once it is failed.`);
  }
  const revision = await deps.repositories.datasets.revision(old.dataset.id, old.dataset.revision);
  if (revision === null || revision.projectId !== projectId || revision.state !== 'ready') {
    throw impossible('/dataset', `Revision ${old.dataset.revision} of the dataset '${old.dataset.id}' is gone.`);
  }
  if ((await deps.repositories.bases.find(projectId, old.base.id)) === null) {
    throw impossible('/base', `The base '${old.base.id}' is gone.`);
  }
  const { name, task, dataset, base, method, validation, metadata, engineRequested } = old;
  refuseTuning(task, method, changes);
  refusePrecision(engineRequested, changes);
  const hyperparameters = { ...old.hyperparameters, ...changes };
  const job = await deps.repositories.jobs.create({
    ...{ name, task, dataset, base, method, hyperparameters, validation, metadata, engineRequested },
    id: newId('job'),
    projectId,
    retryOf: old.id,
  });
  await deps.enqueue('job.train', { jobId: job.id });
  return job;
}
