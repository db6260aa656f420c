import type { Static } from 'typebox';
import type { Dataset as DatasetRecord, DatasetRevision, Example as ExampleRecord } from '../../domain/types.js';
import { problemOrNull, time } from '../../http/render.js';
import type { Dataset, DatasetReport, DatasetSummary, Example } from './schema.js';

function summaryOf(summary: DatasetRecord['summary']): Static<typeof DatasetSummary> | null {
  if (summary === null) return null;
  const { examples, labels, splits, rejected, duplicates, leaks } = summary;
  return {
    examples,
    labels: labels.map(({ name, train, validation, test }) => ({ name, train, validation, test })),
    splits: { train: splits.train, validation: splits.validation, test: splits.test },
    ...{ rejected, duplicates, leaks },
  };
}

export function datasetBody(dataset: DatasetRecord): Static<typeof Dataset> {
  const { id, name, task, state, revision, columns, summary, error, waiting, createdAt } = dataset;
  return {
    ...{ object: 'dataset', id, name, task, state, revision },
    columns: columns && { text: columns.text ?? null, label: columns.label ?? null, split: columns.split ?? null },
    summary: summaryOf(summary),
    error: problemOrNull(error),
    waiting: problemOrNull(waiting),
    createdAt: time(createdAt),
  };
}

export function reportBody(revision: DatasetRevision): Static<typeof DatasetReport> {
  const { report } = revision;
  return {
    object: 'dataset.report',
    id: revision.datasetId,
    revision: revision.number,
    state: revision.state,
    error: problemOrNull(revision.error),
    format: report?.format ?? null,
    summary: summaryOf(revision.summary),
    rejected: [...(report?.rejected ?? [])],
    duplicates: (report?.duplicates ?? []).map((group) => ({ ...group, paths: [...group.paths] })),
    leaks: [...(report?.leaks ?? [])],
    notes: [...(report?.notes ?? [])],
    estimate: report?.estimate ?? null,
  };
}

export function exampleBody({ offset: _, ...example }: ExampleRecord): Static<typeof Example> {
  return { object: 'example', ...example };
}
