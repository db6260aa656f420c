import type { GivenColumns } from '../domain/columns.js';
import type {
  ContentState,
  Dataset,
  DatasetReport,
  DatasetRevision,
  DatasetSummary,
  Example,
  Split,
  Task,
} from '../domain/types.js';
import type { StoredProblem } from '../errors.js';
import { problemsOf } from './check-tries.js';

/** Rows of `dataset`, `dataset_revision` and `example` as they come, and what they are in the project's own types. */
export interface DatasetRow {
  id: string;
  project_id: string;
  name: string;
  task: Task;
  number: number | null;
  state: ContentState | null;
  digest: string | null;
  bytes: string | null;
  columns: GivenColumns | null;
  summary: DatasetSummary | null;
  error: StoredProblem | null;
  created_at: Date;
}
export interface RevisionRow {
  dataset_id: string;
  project_id: string;
  task: Task;
  number: number;
  state: ContentState;
  digest: string | null;
  bytes: string;
  media_type: string | null;
  upload_key: string | null;
  pack_key: string | null;
  columns: GivenColumns | null;
  summary: DatasetSummary | null;
  report: DatasetReport | null;
  error: StoredProblem | null;
}

export function datasetOf(row: DatasetRow): Dataset {
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    task: row.task,
    state: row.state ?? 'receiving',
    revision: row.number === null ? null : { number: row.number, digest: row.digest, bytes: Number(row.bytes) },
    columns: row.columns,
    summary: row.summary,
    ...problemsOf(row.state ?? 'receiving', row.error),
    createdAt: row.created_at,
  };
}
export function revisionOf(row: RevisionRow): DatasetRevision {
  return {
    datasetId: row.dataset_id,
    projectId: row.project_id,
    task: row.task,
    number: row.number,
    state: row.state,
    digest: row.digest,
    bytes: Number(row.bytes),
    mediaType: row.media_type,
    uploadKey: row.upload_key,
    packKey: row.pack_key,
    columns: row.columns,
    summary: row.summary,
    report: row.report,
    error: problemsOf(row.state, row.error).error,
  };
}
export function exampleOf(row: {
  index: number;
  path: string;
  label: string | null;
  split: string | null;
  offset: bigint;
  bytes: number;
  digest: string | null;
  width: number | null;
  height: number | null;
  problemCode: string | null;
  problemDetail: string | null;
}): Example {
  return {
    index: row.index,
    path: row.path,
    label: row.label,
    split: row.split as Split | null,
    offset: Number(row.offset),
    bytes: row.bytes,
    digest: row.digest,
    width: row.width,
    height: row.height,
    problem: row.problemCode === null ? null : { code: row.problemCode, detail: row.problemDetail ?? '' },
  };
}
