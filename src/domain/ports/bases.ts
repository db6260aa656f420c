import type { StoredProblem } from '../../errors.js';
import type { Base, BaseFacts, HubSource, Model, ReceivedBytes } from '../types.js';
import type { CheckEnd, CheckTries } from './checks.js';
import type { Page, PageRequest } from './page.js';

export interface BaseRepository {
  /** Names are unique among a project's bases that are not deleted: else `name-taken`. */
  create(input: {
    id: string;
    projectId: string;
    name: string;
    uploadKey: string;
    bundled?: boolean;
    /** It is to be fetched from there. */
    source?: HubSource;
  }): Promise<Base>;
  /**
   * A base made from a model, to be checked; the model is locked against being deleted meanwhile. Throws `name-taken`, and
   * `not-found` where there is no such model in the project (any more).
   */
  createFrom(model: Model, input: { id: string; name: string }): Promise<Base>;
  /** Which commit is fetched, and what the hub says of it. */
  pinned(id: string, found: Pick<HubSource, 'commit' | 'license'>): Promise<void>;
  /** Shows how much is here; false when nobody wants it any more. */
  progressed(id: string, progress: ReceivedBytes): Promise<boolean>;
  /** The content is whole, and is to be checked; false when the base was deleted meanwhile. */
  uploaded(id: string, content: { digest: string; bytes: number }): Promise<boolean>;
  abandon(id: string): Promise<void>;
  /** Counts one more check (or download) that begins; null when the base is neither `checking` nor `receiving`. */
  startCheck(id: string): Promise<CheckTries | null>;
  endCheck(id: string, how: CheckEnd): Promise<void>;
  checked(
    id: string,
    outcome:
      | { state: 'ready'; digest: string; bytes: number; blobKey: string; facts: BaseFacts }
      | { state: 'invalid'; error: StoredProblem },
  ): Promise<boolean>;
  /** By id, by name, or by digest (`sha256:…`). */
  find(projectId: string, reference: string): Promise<Base | null>;
  /** Any project's, for workers. */
  byId(id: string): Promise<Base | null>;
  /** Those that came with the installation, the newest first. */
  bundled(projectId: string): Promise<readonly Base[]>;
  /** Whether one of this content came with the installation, was ready, and was deleted since. */
  bundledDeleted(projectId: string, digest: string): Promise<boolean>;
  rename(id: string, name: string): Promise<void>;
  list(projectId: string, page: PageRequest): Promise<Page<Base>>;
  /** Marks as deleted; refuses with `in-use` while a job that is not terminal, or a model, stands on it. */
  delete(projectId: string, id: string): Promise<boolean>;
  staleChecks(olderThanMs: number): Promise<readonly { baseId: string }[]>;
  staleDownloads(olderThanMs: number): Promise<readonly { baseId: string }[]>;
  /** Those of `ids` that are still to be fetched from a hub. */
  downloading(ids: readonly string[]): Promise<ReadonlySet<string>>;
}
