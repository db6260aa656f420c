import type { Config } from '../../src/config.js';
import type { Repositories } from '../../src/domain/ports.js';
import type { DatasetRevision } from '../../src/domain/types.js';
import { GraftError } from '../../src/errors.js';
import type { Logger } from '../../src/log.js';
import type { QueuePayloads } from '../../src/queue/names.js';
import type { BlobStore } from '../../src/storage/blob.js';
import { listArchive, readArchive } from '../data/archive.js';
import { findCopies, labelNotes, reportOf, summarise, whyInvalid } from '../data/dataset-report.js';
import { type Examiner, type ExaminerOptions, startExaminer } from '../data/examiner.js';
import { findLabelsFile, imageLayout } from '../data/image-layout.js';
import { type Packed, packed, REJECTED } from '../data/pack.js';
import { type Check, type MostTries, tried } from './tries.js';

export interface DatasetCheckDeps {
  readonly repositories: Pick<Repositories, 'datasets'>;
  readonly datasets: BlobStore;
  readonly config: Pick<Config, 'threads'>;
  readonly log: Logger;
}
export interface DatasetCheckOptions {
  readonly examiner?: Omit<ExaminerOptions, 'threads'>;
  readonly mostTries?: MostTries;
}

/**
 * Checks a revision: lists the archive, decodes every picture in a process of its own, writes the pack, the examples and the
 * report, and only then, in one step, makes the revision `ready` or `invalid`. Run twice it does the same twice; ended in
 * the middle it leaves nothing that anyone sees.
 */
export function datasetCheck(deps: DatasetCheckDeps, options: DatasetCheckOptions = {}) {
  return async ({ datasetId, revision }: QueuePayloads['dataset.check'], signal: AbortSignal): Promise<void> => {
    const { datasets } = deps.repositories;
    const found = await datasets.revision(datasetId, revision);
    if (found === null || found.state !== 'checking' || found.uploadKey === null) return;
    const { uploadKey } = found;
    const attempt: Check = {
      what: 'dataset',
      verdicts: ['archive-invalid', 'dataset-invalid'],
      start: () => datasets.startCheck(datasetId, revision),
      end: (how) => datasets.endCheck(datasetId, revision, how),
      invalid: (error) =>
        datasets.checked(datasetId, revision, { state: 'invalid', error, summary: null, report: null }),
      run: () => examined(deps, found, uploadKey, options, signal),
    };
    const log = deps.log.child({ dataset: datasetId, revision });
    if (await tried(attempt, log, signal, options.mostTries)) await deps.datasets.delete(uploadKey);
  };
}

/** `check` with the process that decodes, which ends with it or when the check is to end. */
async function examined(
  deps: DatasetCheckDeps,
  found: DatasetRevision,
  uploadKey: string,
  options: DatasetCheckOptions,
  signal: AbortSignal,
): Promise<void> {
  if (found.task !== 'image-classification') {
    throw new GraftError('dataset-invalid', `This version trains image-classification; '${found.task}' comes later.`);
  }
  const path = deps.datasets.localPath(uploadKey);
  if (path === null) throw new Error(`The upload ${uploadKey} is gone.`);
  const examiner = startExaminer({ threads: deps.config.threads, ...options.examiner });
  signal.addEventListener('abort', examiner.close);
  try {
    await check(deps, found, path, examiner, signal);
  } finally {
    signal.removeEventListener('abort', examiner.close);
    examiner.close();
  }
}

async function check(
  deps: DatasetCheckDeps,
  found: DatasetRevision,
  path: string,
  examiner: Examiner,
  signal: AbortSignal,
): Promise<void> {
  const { datasets } = deps.repositories;
  const started = performance.now();
  const { kind, entries } = await listArchive(path);
  const labelsPath = findLabelsFile(entries);
  let labels: { path: string; text: string } | null = null;
  if (labelsPath !== null) {
    for await (const file of readArchive(path, kind, new Set([labelsPath])))
      labels = { path: file.path, text: file.bytes.toString('utf8') };
  }
  const layout = imageLayout(entries, labels);
  const into: Packed = { examples: [], hashes: [] };
  const { examples, hashes } = into;
  const packKey = `packs/${found.datasetId}/${found.number}`;
  const files = readArchive(path, kind, new Set(layout.examples.keys()));
  const ahead = deps.config.threads * 2;
  const packing = { labels: layout.examples, examine: examiner.examine, ahead, signal };
  await deps.datasets.put(packKey, packed(files, packing, into), { signal });
  for (const problem of layout.unlabelled) {
    examples.push({
      ...REJECTED,
      index: examples.length,
      path: problem.path,
      problem: { code: problem.code, detail: problem.detail },
    });
  }

  const copies = findCopies(examples, hashes);
  const summary = summarise(examples, copies.extra, copies.leaks.length);
  const seconds = (performance.now() - started) / 1000;
  // A job decodes as this check did, and then about as long again in the network.
  const estimate = {
    examples: summary.examples,
    seconds: Math.ceil(seconds * 2),
    bytes: examples.reduce((sum, e) => sum + e.bytes, 0),
  };
  const notes = [...layout.notes, ...labelNotes(summary)];
  const report = reportOf(`${kind}, ${layout.format}`, summary, examples, copies, notes, estimate);
  const error = whyInvalid(summary, report.rejected);
  signal.throwIfAborted();
  await datasets.clearExamples(found.datasetId, found.number);
  await datasets.addExamples(found.datasetId, found.number, examples);
  const outcome =
    error === null
      ? ({ state: 'ready', packKey, summary, report } as const)
      : ({ state: 'invalid', error, summary, report } as const);
  await datasets.checked(found.datasetId, found.number, outcome);
  deps.log.info(
    { dataset: found.datasetId, examples: summary.examples, rejected: summary.rejected, seconds },
    `The dataset is ${outcome.state}`,
  );
}
