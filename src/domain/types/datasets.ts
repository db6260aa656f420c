import type { StoredProblem } from '../../errors.js';
import type { GivenColumns } from '../columns.js';
import type { ContentState, Split, Task } from './common.js';

export interface DatasetSummary {
  readonly examples: number;
  readonly labels: readonly { name: string; train: number; validation: number; test: number }[];
  readonly splits: { train: number; validation: number; test: number };
  readonly rejected: number;
  readonly duplicates: number;
  readonly leaks: number;
}
/** What checking found out, beyond the summary; lists are cut at 1,000 entries each, the counts are not. */
export interface DatasetReport {
  readonly format: string;
  readonly summary: DatasetSummary;
  readonly rejected: readonly { path: string; code: string; detail: string }[];
  readonly duplicates: readonly { kind: 'exact' | 'near'; paths: readonly string[] }[];
  readonly leaks: readonly { kind: 'exact' | 'near'; train: string; other: string; split: Split }[];
  readonly notes: readonly string[];
  readonly estimate: { examples: number; seconds: number; bytes: number };
}
export interface Dataset {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  readonly task: Task;
  readonly state: ContentState;
  readonly revision: { number: number; digest: string | null; bytes: number } | null;
  /** Of the shown revision; null where the user named none. */
  readonly columns: GivenColumns | null;
  readonly summary: DatasetSummary | null;
  readonly error: StoredProblem | null;
  /** Why its check waits, while it is `checking`. */
  readonly waiting: StoredProblem | null;
  readonly createdAt: Date;
}
export interface DatasetRevision {
  readonly datasetId: string;
  readonly projectId: string;
  readonly task: Task;
  readonly number: number;
  readonly state: ContentState;
  readonly digest: string | null;
  readonly bytes: number;
  readonly mediaType: string | null;
  /** Blob key of the upload as received; gone once the pack is written. */
  readonly uploadKey: string | null;
  /** Blob key of the pack: the bytes of all readable examples one after the other, found by `Example.offset`. */
  readonly packKey: string | null;
  /** Of a table of texts, as the user named them. */
  readonly columns: GivenColumns | null;
  readonly summary: DatasetSummary | null;
  readonly report: DatasetReport | null;
  readonly error: StoredProblem | null;
}
export interface Example {
  readonly index: number;
  readonly path: string;
  readonly label: string | null;
  readonly split: Split | null;
  /** Byte offset and length inside the revision's pack; length 0 for a rejected example. */
  readonly offset: number;
  readonly bytes: number;
  readonly digest: string | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly problem: { code: string; detail: string } | null;
}
