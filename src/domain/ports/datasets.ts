import type { StoredProblem } from '../../errors.js';
import type { GivenColumns } from '../columns.js';
import type { Dataset, DatasetReport, DatasetRevision, DatasetSummary, Example, Split, Task } from '../types.js';
import type { CheckEnd, CheckTries } from './checks.js';
import type { Page, PageRequest } from './page.js';

export interface DatasetRepository {
  create(input: { id: string; projectId: string; name: string; task: Task }): Promise<Dataset>;
  /**
   * Starts the next revision in state `receiving`; the dataset shows it from then on. Without `columns` it keeps those of
   * the revision before it.
   */
  startRevision(
    projectId: string,
    id: string,
    mediaType: string,
    uploadKey: string,
    columns?: GivenColumns | null,
  ): Promise<DatasetRevision>;
  /** The upload is whole: `receiving -> checking`. */
  uploaded(id: string, revision: number, content: { digest: string; bytes: number }): Promise<void>;
  /** Drops a dataset or revision whose upload failed; the dataset shows the revision before it. */
  abandonRevision(id: string, revision: number): Promise<void>;
  get(projectId: string, id: string): Promise<Dataset | null>;
  list(projectId: string, page: PageRequest): Promise<Page<Dataset>>;
  /** Marks as deleted; refuses with `in-use` while a job that is not terminal stands on it. */
  delete(projectId: string, id: string): Promise<boolean>;
  /** Any project's: workers know the id from the queue. */
  revision(id: string, number: number): Promise<DatasetRevision | null>;
  /** Replaces the revision's examples in batches; used by checking, idempotent. */
  clearExamples(id: string, revision: number): Promise<void>;
  addExamples(id: string, revision: number, examples: readonly Example[]): Promise<void>;
  /** Counts one more check that begins; null when the revision is no longer `checking`. */
  startCheck(id: string, revision: number): Promise<CheckTries | null>;
  endCheck(id: string, revision: number, how: CheckEnd): Promise<void>;
  /** `checking -> ready | invalid`; a revision that is no longer `checking` is left alone (returns false). */
  checked(
    id: string,
    revision: number,
    outcome:
      | { state: 'ready'; packKey: string; summary: DatasetSummary; report: DatasetReport }
      | { state: 'invalid'; error: StoredProblem; summary: DatasetSummary | null; report: DatasetReport | null },
  ): Promise<boolean>;
  /** All readable examples of a revision, in index order. */
  examples(id: string, revision: number): Promise<readonly Example[]>;
  listExamples(
    id: string,
    revision: number,
    filter: { label?: string; split?: Split; problem?: boolean | string },
    page: PageRequest,
  ): Promise<Page<Example>>;
  /** Revisions of any project in `checking` for longer than `olderThanMs`: what the queue may have forgotten. */
  staleChecks(olderThanMs: number): Promise<readonly { datasetId: string; revision: number }[]>;
}
