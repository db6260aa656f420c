import type { EngineReport } from '../types.js';

/** What the workers that are up can train with. */
export interface EngineRepository {
  /** A worker's engines, said again as long as it lives. */
  report(workerId: string, reports: readonly EngineReport[]): Promise<void>;
  /** A worker that ends takes its engines along. */
  leave(workerId: string): Promise<void>;
  /** Of the workers heard of within so long. */
  list(silentMs: number): Promise<readonly (EngineReport & { readonly worker: string })[]>;
}
