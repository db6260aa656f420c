import type { Repositories } from '../domain/ports.js';
import type { DatasetSummary, Task } from '../domain/types.js';
import { GraftError, type ProblemItem } from '../errors.js';
import { counted } from '../words.js';

/** Below this a class cannot be learnt and checked at once. */
const LEAST = 2;

/**
 * The dataset and the revision a job will pin, and its labels. Throws `job-impossible` (unknown, of another task), `dataset-not-ready`
 * while it is being checked, and `dataset-invalid` with what is wrong with it.
 */
export async function trainableDataset(
  deps: { readonly repositories: Pick<Repositories, 'datasets'> },
  projectId: string,
  request: { readonly dataset: string; readonly task: Task },
): Promise<{ id: string; revision: number; labels: readonly string[] }> {
  const dataset = await deps.repositories.datasets.get(projectId, request.dataset);
  if (dataset === null) {
    const detail = `There is no dataset '${request.dataset.slice(0, 100)}'.`;
    throw new GraftError('job-impossible', detail, {
      errors: [{ path: '/dataset', code: 'value-impossible', detail }],
    });
  }
  if (dataset.task !== request.task) {
    const detail = `The dataset '${dataset.id}' is for ${dataset.task}, the job for ${request.task}.`;
    throw new GraftError('job-impossible', detail, { errors: [{ path: '/task', code: 'value-impossible', detail }] });
  }
  if (dataset.state === 'invalid') {
    const { error } = dataset;
    throw new GraftError('dataset-invalid', error?.detail ?? 'The dataset is invalid; see its report.', {
      ...(error?.errors === undefined ? {} : { errors: error.errors }),
    });
  }
  if (dataset.state !== 'ready' || dataset.revision === null || dataset.summary === null) {
    throw new GraftError(
      'dataset-not-ready',
      `The dataset '${dataset.id}' is ${dataset.state}. Wait until its state is 'ready', then POST the job again.`,
      { retryAfter: 1 },
    );
  }
  const errors = tooFew(dataset.summary);
  if (errors.length > 0) {
    throw new GraftError(
      'dataset-invalid',
      errors
        .map((error) => error.detail)
        .slice(0, 5)
        .join(' '),
      { errors },
    );
  }
  const labels = dataset.summary.labels.map((label) => label.name);
  return { id: dataset.id, revision: dataset.revision.number, labels };
}

function tooFew({ labels }: DatasetSummary): ProblemItem[] {
  if (labels.length < LEAST) {
    const detail = `The dataset has ${counted(labels.length, 'label')}; at least ${LEAST} are needed.`;
    return [{ path: '', code: 'one-label', detail }];
  }
  return labels
    .filter((label) => label.train < LEAST)
    .map((label) => ({
      path: label.name,
      code: 'label-too-small',
      detail: `Label '${label.name}' has ${counted(label.train, 'training example')}; at least ${LEAST} are needed.`,
    }));
}
