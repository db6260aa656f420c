import { DEFAULT_PROJECT_ID } from '../../src/db/index.js';
import type { JobState } from '../../src/domain/lifecycle.js';
import type { NewJob, NewModel, Repositories } from '../../src/domain/ports.js';
import type { BaseFacts, DatasetSummary, Hyperparameters } from '../../src/domain/types.js';
import { storedProblem } from '../../src/errors.js';
import { newId } from '../../src/ids.js';
import type { TestDatabase } from './postgres.js';

const SHA = `sha256:${'0'.repeat(64)}`;
export const HYPERPARAMETERS: Hyperparameters = {
  epochs: 'auto',
  learningRate: 'auto',
  batchSize: 32,
  weightDecay: 'auto',
  labelSmoothing: 0,
  seed: 1,
};
export const SUMMARY: DatasetSummary = {
  examples: 2,
  labels: [{ name: 'ants', train: 1, validation: 1, test: 0 }],
  splits: { train: 1, validation: 1, test: 0 },
  rejected: 0,
  duplicates: 0,
  leaks: 0,
};
export const FACTS: BaseFacts = {
  opset: 13,
  license: null,
  inputs: [],
  outputs: [],
  preprocessing: null,
  preprocessingSource: null,
  cuts: [],
  parameters: 7,
  training: { supported: true, unsupportedOperators: [] },
  tasks: ['image-classification'],
  notes: [],
};

/** A second tenant. */
export async function otherProject(db: TestDatabase): Promise<string> {
  const id = newId('prj');
  await db.prisma.project.create({ data: { id, name: 'other' } });
  return id;
}

/** A ready dataset and a ready base, which a job may stand on. */
export async function ground(repos: Repositories, projectId: string = DEFAULT_PROJECT_ID) {
  const dataset = newId('ds');
  const base = newId('base');
  await repos.datasets.create({ id: dataset, projectId, name: 'photos', task: 'image-classification' });
  await repos.datasets.startRevision(projectId, dataset, 'application/zip', `uploads/${dataset}`);
  await repos.datasets.uploaded(dataset, 1, { digest: SHA, bytes: 10 });
  const report = { format: 'folders', summary: SUMMARY, rejected: [], duplicates: [], leaks: [], notes: [] };
  await repos.datasets.checked(dataset, 1, {
    state: 'ready',
    packKey: `packs/${dataset}`,
    summary: SUMMARY,
    report: { ...report, estimate: { examples: 2, seconds: 1, bytes: 1 } },
  });
  await repos.bases.create({ id: base, projectId, name: base, uploadKey: `uploads/${base}` });
  await repos.bases.uploaded(base, { digest: SHA, bytes: 10 });
  await repos.bases.checked(base, { state: 'ready', digest: SHA, bytes: 10, blobKey: `bases/${SHA}`, facts: FACTS });
  return { projectId, dataset, base };
}

export function newJob(on: { projectId: string; dataset: string; base: string }, extra: Partial<NewJob> = {}): NewJob {
  return {
    id: newId('job'),
    projectId: on.projectId,
    name: 'ants or bees',
    task: 'image-classification',
    dataset: { id: on.dataset, revision: 1 },
    base: { id: on.base, digest: SHA },
    method: { type: 'featureExtraction' },
    hyperparameters: HYPERPARAMETERS,
    validation: { fraction: 0.2 },
    metadata: { ticket: 'A-17' },
    engineRequested: 'auto',
    retryOf: null,
    ...extra,
  };
}

export function newModel(job: NewJob, extra: Partial<NewModel> = {}): NewModel {
  const engine = { executor: 'onnxruntime', version: '1.30.0', device: 'cpu' } as const;
  return {
    id: newId('mdl'),
    projectId: job.projectId,
    name: job.name,
    task: job.task,
    jobId: job.id,
    dataset: job.dataset,
    base: job.base,
    cut: 'features',
    labels: ['ants', 'bees'],
    preprocessing: { resize: 256, crop: 224, layout: 'NCHW', channels: 'RGB', scale: 1, mean: [0], std: [1] },
    text: null,
    method: job.method,
    metrics: { 'validation/accuracy': 0.95 },
    certificate: {
      inputs: [],
      maxDifference: 0,
      tolerance: 1e-4,
      exportDigest: SHA,
      engines: { trainer: engine, verifier: engine },
      verifiedAt: '2026-11-24T00:00:00.000Z',
    },
    headKey: `heads/${job.id}`,
    files: [],
    evaluation: { accuracy: 0.95 },
    examples: [],
    ...extra,
  };
}

/** Brings a job to a state the way the service does. Returns the attempt that it then has. */
export async function bringTo(repos: Repositories, job: NewJob, to: JobState): Promise<number> {
  const { id, projectId } = job;
  await repos.jobs.create(job);
  if (to === 'queued') return 0;
  if (to === 'paused' || to === 'cancelled') {
    await repos.jobs.request(projectId, id, to === 'paused' ? 'pause' : 'cancel');
    return 0;
  }
  const fence = { jobId: id, attempt: (await repos.jobs.claim(id, 'w'))!.attempt };
  const go = async (state: JobState) => {
    const patch = state === 'failed' ? { error: storedProblem('internal', 'for the test') } : {};
    if (!(await repos.jobs.transition(fence, state, { type: 'state', message: state }, patch))) {
      throw new Error(`The job does not go to ${state}`);
    }
  };
  if (to === 'failed' || to === 'pausing' || to === 'cancelling') await go(to);
  const way = ['running', 'evaluating', 'publishing'] as const;
  const steps = to === 'succeeded' ? way.length : way.indexOf(to as (typeof way)[number]) + 1;
  for (const state of way.slice(0, steps)) await go(state);
  if (to === 'succeeded' && !(await repos.jobs.publish(fence, newModel(job), {}))) throw new Error('not published');
  return fence.attempt;
}
