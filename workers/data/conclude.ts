import type { Config } from '../../src/config.js';
import type { Repositories } from '../../src/domain/ports.js';
import type { DatasetReport, DatasetRevision } from '../../src/domain/types.js';
import type { StoredProblem } from '../../src/errors.js';
import type { Logger } from '../../src/log.js';
import type { BlobStore } from '../../src/storage/blob.js';

/** What checking a dataset needs, whatever is in it. */
export interface CheckDeps {
  readonly repositories: Pick<Repositories, 'datasets'>;
  readonly datasets: BlobStore;
  readonly config: Pick<Config, 'threads'>;
  readonly log: Logger;
}

/** The last step of a check, once pack and examples are written: the revision is `ready`, or `invalid` for `error`. */
export async function conclude(
  deps: CheckDeps,
  { datasetId, number }: DatasetRevision,
  { packKey, report, error }: { packKey: string; report: DatasetReport; error: StoredProblem | null },
  seconds: number,
): Promise<void> {
  const { summary } = report;
  const outcome =
    error === null
      ? ({ state: 'ready', packKey, summary, report } as const)
      : ({ state: 'invalid', error, summary, report } as const);
  await deps.repositories.datasets.checked(datasetId, number, outcome);
  deps.log.info(
    { dataset: datasetId, examples: summary.examples, rejected: summary.rejected, seconds },
    `The dataset is ${outcome.state}`,
  );
}
