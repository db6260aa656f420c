import type { DatasetRevision } from '../../src/domain/types.js';
import { listArchive, readArchive } from './archive.js';
import { type CheckDeps, conclude } from './conclude.js';
import { findCopies, labelNotes, reportOf, summarise, whyInvalid } from './dataset-report.js';
import { type Examiner, type ExaminerOptions, startExaminer } from './examiner.js';
import { findLabelsFile, imageLayout } from './image-layout.js';
import { type Packed, packed, REJECTED } from './pack.js';

/**
 * Checks a revision of pictures: lists the archive, decodes every picture in a process of its own (which ends with the check,
 * or when that is to end), writes pack, examples and report, and makes the revision `ready` or `invalid`.
 */
export async function checkImages(
  deps: CheckDeps,
  found: DatasetRevision,
  path: string,
  options: Omit<ExaminerOptions, 'threads'> | undefined,
  signal: AbortSignal,
): Promise<void> {
  const examiner = startExaminer({ threads: deps.config.threads, ...options });
  signal.addEventListener('abort', examiner.close);
  try {
    await check(deps, found, path, examiner, signal);
  } finally {
    signal.removeEventListener('abort', examiner.close);
    examiner.close();
  }
}

async function check(
  deps: CheckDeps,
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
  await conclude(deps, found, { packKey, report, error }, seconds);
}
