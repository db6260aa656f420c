import type { DatasetRevision } from '../../src/domain/types.js';
import { GraftError } from '../../src/errors.js';
import type { QueuePayloads } from '../../src/queue/names.js';
import { checkImages } from '../data/check-images.js';
import type { CheckDeps } from '../data/conclude.js';
import type { ExaminerOptions } from '../data/examiner.js';
import { checkTexts } from '../data/text/check-texts.js';
import { type Check, type MostTries, tried } from './tries.js';

export type DatasetCheckDeps = CheckDeps;
export interface DatasetCheckOptions {
  readonly examiner?: Omit<ExaminerOptions, 'threads'>;
  readonly mostTries?: MostTries;
}

/**
 * Checks a revision by its task: everything in it is read, pack, examples and report are written, and only then, in one step, it
 * becomes `ready` or `invalid`. Run twice it does the same twice; ended in the middle it leaves nothing that anyone sees.
 */
export function datasetCheck(deps: DatasetCheckDeps, options: DatasetCheckOptions = {}) {
  return async ({ datasetId, revision }: QueuePayloads['dataset.check'], signal: AbortSignal): Promise<void> => {
    const { datasets } = deps.repositories;
    const found = await datasets.revision(datasetId, revision);
    if (found === null || found.state !== 'checking' || found.uploadKey === null) return;
    const { uploadKey } = found;
    const attempt: Check = {
      what: 'dataset',
      verdicts: () => ['archive-invalid', 'dataset-invalid'],
      start: () => datasets.startCheck(datasetId, revision),
      end: (how) => datasets.endCheck(datasetId, revision, how),
      invalid: (error) =>
        datasets.checked(datasetId, revision, { state: 'invalid', error, summary: null, report: null }),
      run: () => checkContent(deps, found, uploadKey, options, signal),
    };
    const log = deps.log.child({ dataset: datasetId, revision });
    if (await tried(attempt, log, signal, options.mostTries)) await deps.datasets.delete(uploadKey);
  };
}

async function checkContent(
  deps: DatasetCheckDeps,
  found: DatasetRevision,
  uploadKey: string,
  options: DatasetCheckOptions,
  signal: AbortSignal,
): Promise<void> {
  const path = deps.datasets.localPath(uploadKey);
  if (path === null) throw new Error(`The upload ${uploadKey} is gone.`);
  if (found.task === 'image-classification') return checkImages(deps, found, path, options.examiner, signal);
  if (found.task === 'text-classification') return checkTexts(deps, found, path, signal);
  throw new GraftError(
    'dataset-invalid',
    `This version takes image-classification and text-classification; '${found.task}' comes later.`,
  );
}
