import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { pino } from 'pino';
import { DEFAULT_PROJECT_ID, repositories } from '../../src/db/index.js';
import type { NewJob, Repositories } from '../../src/domain/ports.js';
import type { BaseFacts, Example, Hyperparameters, Job, Preprocessing, Split } from '../../src/domain/types.js';
import { newId } from '../../src/ids.js';
import { type BlobStores, blobStores } from '../../src/storage/index.js';
import { engineRegistry } from '../../workers/engines.js';
import { jobTrain } from '../../workers/processors/job-train.js';
import type { TestDatabase } from './postgres.js';
import { FACTS, HYPERPARAMETERS, SUMMARY } from './records.js';

const ROOT = join(import.meta.dirname, '../..');
const sha = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export interface Picture {
  readonly path: string;
  readonly label: string;
  readonly split: Split | null;
  readonly bytes: Uint8Array;
}
export interface TrainingGround {
  readonly repos: Repositories;
  readonly stores: BlobStores;
  readonly home: string;
  readonly ids: { dataset: string; base: string; digest: string };
  job(extra?: Omit<Partial<NewJob>, 'hyperparameters'> & { hyperparameters?: Partial<Hyperparameters> }): Promise<Job>;
  /** A worker's processor over this ground; `signal` ends it as a shutdown does. */
  train(id: string, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** A ready dataset and base in a fresh database and home; the child runs from `dist/`, which must have been built. */
export async function trainingGround(
  db: TestDatabase,
  o: {
    readonly pictures: readonly Picture[];
    readonly base: Uint8Array;
    readonly cut: { readonly tensor: string; readonly features: number };
    readonly preprocessing: Preprocessing;
    readonly config?: {
      jobMaxAttempts?: number;
      featureCacheBytes?: number;
      workerSilentMs?: number;
      checkpointMs?: number;
    };
    readonly wrap?: (repos: Repositories) => Repositories;
    /** Another module than the run's own. */
    readonly childEntry?: URL;
  },
): Promise<TrainingGround> {
  const home = await mkdtemp(join(tmpdir(), 'graft-train-'));
  const stores = await blobStores({ home }, db);
  const repos = repositories(db);
  const projectId = DEFAULT_PROJECT_ID;
  const dataset = newId('ds');
  const base = newId('base');
  const digest = sha(o.base);
  await stores.artifacts.put(`bases/${digest}`, chunks(o.base));
  const pack = Buffer.concat(o.pictures.map((p) => p.bytes));
  await stores.datasets.put(`packs/${dataset}`, chunks(pack));
  let offset = 0;
  const examples = o.pictures.map(({ path, label, split, bytes }, index): Example => {
    const at = offset;
    offset += bytes.length;
    return {
      index,
      path,
      label,
      split,
      offset: at,
      bytes: bytes.length,
      digest: sha(bytes),
      width: 1,
      height: 1,
      problem: null,
    };
  });
  await repos.datasets.create({ id: dataset, projectId, name: 'pictures', task: 'image-classification' });
  await repos.datasets.startRevision(projectId, dataset, 'application/zip', `uploads/${dataset}`);
  await repos.datasets.uploaded(dataset, 1, { digest: sha(pack), bytes: pack.length });
  await repos.datasets.addExamples(dataset, 1, examples);
  const report = { format: 'folders', summary: SUMMARY, rejected: [], duplicates: [], leaks: [], notes: [] };
  const estimate = { examples: examples.length, seconds: 1, bytes: pack.length };
  await repos.datasets.checked(dataset, 1, {
    state: 'ready',
    packKey: `packs/${dataset}`,
    summary: SUMMARY,
    report: { ...report, estimate },
  });
  const facts: BaseFacts = {
    ...FACTS,
    preprocessing: o.preprocessing,
    cuts: [{ ...o.cut, kind: 'pooled', default: true }],
    license: 'Apache-2.0',
  };
  await repos.bases.create({ id: base, projectId, name: base, uploadKey: `uploads/${base}` });
  await repos.bases.uploaded(base, { digest, bytes: o.base.length });
  await repos.bases.checked(base, { state: 'ready', digest, bytes: o.base.length, blobKey: `bases/${digest}`, facts });
  const processor = jobTrain(
    {
      config: {
        home,
        threads: 2,
        featureCacheBytes: o.config?.featureCacheBytes ?? 64 * 1024 * 1024,
        workerSilentMs: o.config?.workerSilentMs ?? 5_000,
        jobMaxAttempts: o.config?.jobMaxAttempts ?? 5,
        ...(o.config?.checkpointMs !== undefined && { checkpointMs: o.config.checkpointMs }),
      },
      log: pino({ level: process.env.LOG_LEVEL ?? 'silent' }),
      repositories: o.wrap?.(repos) ?? repos,
      stores,
      workerId: 'test-worker',
      engines: engineRegistry({ home }),
    },
    {
      childEntry: o.childEntry ?? pathToFileURL(join(ROOT, 'dist/workers/training/run-child.js')),
      keepChildMs: 5_000,
    },
  );
  const jobs: string[] = [];
  return {
    repos,
    stores,
    home,
    ids: { dataset, base, digest },
    async job(extra = {}) {
      const id = newId('job');
      jobs.push(id);
      return repos.jobs.create({
        id,
        projectId,
        name: 'ants or bees',
        task: 'image-classification',
        dataset: { id: dataset, revision: 1 },
        base: { id: base, digest },
        method: { type: 'featureExtraction' },
        validation: null,
        metadata: {},
        engineRequested: 'auto',
        retryOf: null,
        ...extra,
        hyperparameters: { ...HYPERPARAMETERS, batchSize: 'auto', ...extra.hyperparameters },
      });
    },
    train: (id, signal = new AbortController().signal) => processor({ jobId: id }, signal),
    close: () => rm(home, { recursive: true, force: true }),
  };
}

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Processes of this one that run a job, or wait for one. */
export function runChildren(): readonly number[] {
  return execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes('run-child.js'))
    .map((line) => Number(line.trim().split(' ')[0]));
}

/** Repositories that tell of each progress before it is written; `steps` resolves once that many training steps were told of. */
export function progressWatch() {
  let listener: (phase: string, done: number) => void = () => {};
  return {
    wrap(repos: Repositories): Repositories {
      const update: Repositories['jobs']['update'] = (fence, patch, event) => {
        if (patch.progress) listener(patch.progress.phase, patch.progress.done);
        return repos.jobs.update(fence, patch, event);
      };
      return { ...repos, jobs: { ...repos.jobs, update } };
    },
    listen: (to: (phase: string, done: number) => void) => {
      listener = to;
    },
    steps: (least: number) =>
      new Promise<void>((resolve) => {
        listener = (phase, done) => {
          if (phase === 'training' && done >= least) resolve();
        };
      }),
  };
}
