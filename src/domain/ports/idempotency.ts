export interface StoredAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
/** `Idempotency-Key`: the first request with a key is answered and kept for 24 hours, later ones get the same answer. */
export interface IdempotencyRepository {
  /** `fresh`: go on, then `finish` or `release`. `replay`: the kept answer. `conflict`: other body. `busy`: being answered. */
  begin(
    projectId: string,
    key: string,
    fingerprint: string,
  ): Promise<{ kind: 'fresh' } | { kind: 'replay'; answer: StoredAnswer } | { kind: 'conflict' } | { kind: 'busy' }>;
  finish(projectId: string, key: string, answer: StoredAnswer): Promise<void>;
  release(projectId: string, key: string): Promise<void>;
}
