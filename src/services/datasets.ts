import type { GivenColumns } from '../domain/columns.js';
import type { Repositories } from '../domain/ports.js';
import type { Dataset, DatasetRevision, Task } from '../domain/types.js';
import { GraftError } from '../errors.js';
import { newId } from '../ids.js';
import type { Enqueue } from '../queue/names.js';
import type { BlobInfo, BlobStore } from '../storage/blob.js';

export interface DatasetServices {
  readonly repositories: Pick<Repositories, 'datasets'>;
  readonly stores: { readonly datasets: BlobStore };
  readonly enqueue: Enqueue;
}
/** An upload that lies whole in the store and belongs to nobody yet. */
export interface Received {
  readonly blob: BlobInfo;
  readonly mediaType: string;
  /** Columns of a table that the user named; null: none, so those of the revision before. */
  readonly columns: GivenColumns | null;
}

/** Where an upload goes before its row exists: rows are written only once the last byte is in. */
export function uploadKey(owner: string): string {
  return `uploads/${owner}/${newId('req').slice(4)}`;
}

/** A dataset with its first revision, given to the checker. On failure neither row nor upload stays. */
export async function createDataset(
  deps: DatasetServices,
  projectId: string,
  dataset: { id: string; name: string; task: Task },
  upload: Received,
): Promise<Dataset> {
  try {
    await deps.repositories.datasets.create({ ...dataset, projectId });
  } catch (error) {
    await deps.stores.datasets.delete(upload.blob.key);
    throw error;
  }
  return addRevision(deps, projectId, dataset.id, upload);
}

/** The next revision of a dataset, given to the checker; the dataset shows it from then on. */
export async function addRevision(
  deps: DatasetServices,
  projectId: string,
  id: string,
  { blob, mediaType, columns }: Received,
): Promise<Dataset> {
  const { datasets } = deps.repositories;
  let revision: DatasetRevision | null = null;
  try {
    revision = await datasets.startRevision(projectId, id, mediaType, blob.key, columns);
    await datasets.uploaded(id, revision.number, blob);
  } catch (error) {
    if (revision !== null) await datasets.abandonRevision(id, revision.number).catch(() => {});
    await deps.stores.datasets.delete(blob.key);
    throw error;
  }
  await deps.enqueue('dataset.check', { datasetId: id, revision: revision.number });
  return findDataset(deps, projectId, id);
}

export interface TextExample {
  readonly text: string;
  readonly label: string;
  readonly split?: 'train' | 'validation' | 'test';
}
/** Examples given in JSON, stored as the JSONL file they could have been. */
export async function storeExamples(
  deps: DatasetServices,
  id: string,
  examples: readonly TextExample[],
): Promise<Received> {
  async function* lines() {
    for (let at = 0; at < examples.length; at += 1000) {
      const part = examples.slice(at, at + 1000);
      yield Buffer.from(part.map((example) => `${JSON.stringify(example)}\n`).join(''));
    }
  }
  const blob = await deps.stores.datasets.put(uploadKey(id), lines());
  return { blob, mediaType: 'application/jsonl', columns: null };
}

export async function findDataset(
  deps: Pick<DatasetServices, 'repositories'>,
  projectId: string,
  id: string,
): Promise<Dataset> {
  const found = await deps.repositories.datasets.get(projectId, id);
  if (found === null) throw new GraftError('not-found', `There is no dataset '${id.slice(0, 100)}'.`);
  return found;
}

/** The shown revision with its report. Throws `dataset-not-ready` until it is checked. */
export async function reportedRevision(
  deps: Pick<DatasetServices, 'repositories'>,
  projectId: string,
  id: string,
): Promise<DatasetRevision> {
  const { revision } = await findDataset(deps, projectId, id);
  const found = revision === null ? null : await deps.repositories.datasets.revision(id, revision.number);
  if (found === null || found.state === 'receiving' || found.state === 'checking') {
    throw new GraftError('dataset-not-ready', `The dataset '${id}' is being checked; its report comes after that.`, {
      retryAfter: 1,
    });
  }
  return found;
}

/** Throws `in-use` while a job that has not ended stands on it. Its bytes go with it. */
export async function deleteDataset(deps: DatasetServices, projectId: string, id: string): Promise<void> {
  const { datasets } = deps.repositories;
  const { revision } = await findDataset(deps, projectId, id);
  const revisions: (DatasetRevision | null)[] = [];
  for (let number = 1; number <= (revision?.number ?? 0); number++) revisions.push(await datasets.revision(id, number));
  if (!(await datasets.delete(projectId, id))) throw new GraftError('not-found', `There is no dataset '${id}'.`);
  for (const one of revisions) {
    for (const key of [one?.uploadKey, one?.packKey]) if (key) await deps.stores.datasets.delete(key);
  }
}
