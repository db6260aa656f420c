import type { Repositories } from '../domain/ports.js';
import type { EngineReport } from '../domain/types.js';

/** Silent for so long, a worker's engines count no more; it says them every few seconds. */
const SILENT_MS = 30_000;

/** What the workers that are up can train on. */
export const liveEngines = ({
  engines,
}: Pick<Repositories, 'engines'>): Promise<readonly (EngineReport & { readonly worker: string })[]> =>
  engines.list(SILENT_MS);
