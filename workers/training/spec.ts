import { join } from 'node:path';
import type { Repositories } from '../../src/domain/ports.js';
import type { BaseFacts, Job } from '../../src/domain/types.js';
import { GraftError } from '../../src/errors.js';
import { newId } from '../../src/ids.js';
import { tokenizerKey } from '../../src/services/base-file.js';
import type { BlobStores } from '../../src/storage/index.js';
import type { EngineChoice } from '../engines.js';
import { checkpointDir } from './checkpoint-folders.js';
import { localBase, localFile } from './local-files.js';
import type { RunExample, RunInput, RunSpec } from './messages.js';

export interface SpecDeps {
  readonly repositories: Pick<Repositories, 'datasets' | 'bases' | 'models'>;
  readonly stores: BlobStores;
  readonly config: {
    readonly home: string;
    readonly featureCacheBytes: number;
    readonly threads: number;
    readonly trainingMemoryBytes?: number;
    readonly checkpointMs?: number;
  };
}

/** What a crash may cost at most, against writing three copies of the parameters each time. */
const CHECKPOINT_MS = 20_000;

/** Everything that the job's run needs, its files at local paths. Throws `GraftError`s that say what the job lacks. */
export async function runSpec(deps: SpecDeps, job: Job, engine: EngineChoice, signal: AbortSignal): Promise<RunSpec> {
  const { datasets, bases } = deps.repositories;
  const [revision, dataset, base] = await Promise.all([
    datasets.revision(job.dataset.id, job.dataset.revision),
    datasets.get(job.projectId, job.dataset.id),
    bases.byId(job.base.id),
  ]);
  if (revision === null || revision.state !== 'ready' || revision.packKey === null)
    throw new GraftError(
      'job-impossible',
      `Revision ${job.dataset.revision} of dataset ${job.dataset.id} is not ready.`,
    );
  const facts = base?.facts;
  if (!base || !facts) throw new GraftError('job-impossible', `The base ${job.base.id} is not ready.`);
  const at = job.method.cut ?? facts.cuts.find((c) => c.default)?.tensor;
  if (at === undefined) throw new GraftError('base-unfit', `The base '${base.name}' has no features to cut at.`);
  const { modelId } = base;
  const lineage = modelId === null ? undefined : (await deps.repositories.models.lineages([modelId])).get(modelId);
  const { home } = deps.config;
  const [basePath, packPath, input, all] = await Promise.all([
    localBase(deps.stores.artifacts, job.base.digest, join(home, 'cache/bases'), signal),
    localFile(deps.stores.datasets, revision.packKey, join(home, 'cache/packs'), signal),
    inputOf(deps, job, facts, signal),
    datasets.examples(job.dataset.id, job.dataset.revision),
  ]);
  const examples = all.flatMap((e): RunExample[] => {
    if (e.problem !== null || e.label === null || e.digest === null) return [];
    const { index, path, label, split, offset, bytes, digest } = e;
    return [{ index, path, label, split, offset, bytes, digest }];
  });
  return {
    model: { id: newId('mdl'), name: job.name },
    jobId: job.id,
    dataset: {
      id: job.dataset.id,
      revision: job.dataset.revision,
      name: dataset?.name ?? job.dataset.id,
      digest: revision.digest ?? '',
    },
    base: {
      id: base.id,
      name: base.name,
      digest: job.base.digest,
      license: facts.license,
      path: basePath,
      ...(lineage !== undefined && { lineage }),
    },
    method: job.method,
    cut: at,
    width: facts.cuts.find((c) => c.tensor === at)?.features ?? null,
    input,
    packPath,
    examples,
    hyperparameters: job.hyperparameters,
    fraction: job.validation?.fraction ?? null,
    cache: { root: join(home, 'cache/features'), maxBytes: deps.config.featureCacheBytes },
    threads: deps.config.threads,
    ...(deps.config.trainingMemoryBytes && { memoryBytes: deps.config.trainingMemoryBytes }),
    engine,
    checkpointMs: deps.config.checkpointMs ?? CHECKPOINT_MS,
    engineTimes: join(home, 'cache/engine-times.json'),
    checkpointDir: checkpointDir(home, job.id),
    outDir: join(home, 'run/jobs', `${job.id}-${job.attempt}`),
  };
}

async function inputOf(
  { stores: { artifacts }, config: { home } }: SpecDeps,
  { task, base }: Job,
  { preprocessing, text = null, poolingSource }: BaseFacts,
  signal: AbortSignal,
): Promise<RunInput> {
  if (task === 'image-classification' && preprocessing !== null) return { kind: 'image', preprocessing };
  if (task !== 'text-classification' || text === null)
    throw new GraftError('base-unfit', `The base '${base.id}' does not say how it takes examples of ${task}.`);
  const key = tokenizerKey(base.digest);
  const info = await artifacts.stat(key);
  if (info === null) throw new GraftError('base-unfit', `The tokenizer of the base '${base.id}' is gone.`);
  const path = await localFile(artifacts, key, join(home, 'cache/tokenizers'), signal);
  return { kind: 'text', text, poolingAssumed: poolingSource === 'assumed', tokenizer: { path, digest: info.digest } };
}
