import type { Page, PageRequest } from './page.js';

export const SCOPES = ['read', 'write', 'predict', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];
export interface ApiKey {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** First characters, so that a person can tell keys apart. */
  readonly prefix: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  readonly expiresAt: Date | null;
}
export interface KeyRepository {
  create(key: Omit<ApiKey, 'createdAt' | 'lastUsedAt'> & { digest: string }): Promise<ApiKey>;
  byDigest(digest: string): Promise<ApiKey | null>;
  list(projectId: string, page: PageRequest): Promise<Page<ApiKey>>;
  revoke(projectId: string, id: string): Promise<boolean>;
}
