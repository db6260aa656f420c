import type { DatasetReport, DatasetRevision, Example } from '../../../src/domain/types.js';
import { GraftError } from '../../../src/errors.js';
import { type CheckDeps, conclude } from '../conclude.js';
import { labelNotes, SHOWN, summaryCounter, whyInvalid } from '../dataset-report.js';
import { howToName } from './given-columns.js';
import { doubtfulLabels, labelKindNotes, MOST_LABELS } from './labels.js';
import type { TextSet } from './read-set.js';
import { readInThread } from './reader.js';

/**
 * Checks a revision of texts: reads it as a stream, a batch in memory at a time, into pack and examples, and makes the revision
 * `ready` or `invalid` with its report. Examples of a revision that is being checked are seen by nobody.
 */
export async function checkTexts(
  deps: CheckDeps,
  found: DatasetRevision,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const { datasets } = deps.repositories;
  const started = performance.now();
  const counter = summaryCounter();
  const rejected: { path: string; code: string; detail: string }[] = [];
  let bytes = 0;
  const read: { set?: TextSet } = {};
  const take = async (examples: readonly Example[]): Promise<void> => {
    for (const example of examples) {
      counter.add(example);
      if (counter.labels() > TOO_MANY_LABELS) throw tooManyLabels(found.columns?.label);
      if (example.problem !== null && rejected.length < SHOWN)
        rejected.push({ path: example.path, ...example.problem });
    }
    await datasets.addExamples(found.datasetId, found.number, examples);
  };
  async function* pack(): AsyncGenerator<Uint8Array> {
    const reading = readInThread(path, found.columns ?? {}, signal);
    try {
      let next = await reading.next();
      for (; !next.done; next = await reading.next()) {
        await take(next.value.examples);
        bytes += next.value.bytes.byteLength;
        yield next.value.bytes;
      }
      read.set = next.value;
    } finally {
      // Ends the reader's thread where a batch is refused or the store gives up.
      await reading.return(read.set as TextSet);
    }
  }
  await datasets.clearExamples(found.datasetId, found.number);
  const packKey = `packs/${found.datasetId}/${found.number}`;
  await deps.datasets.put(packKey, pack(), { signal });
  // The store takes a pack only when it is whole.
  const { format, notes, copies, lengths, label } = read.set as TextSet;
  const summary = counter.summary(copies.extra, copies.leakCount);
  const seconds = (performance.now() - started) / 1000;
  const report: DatasetReport = {
    format,
    summary,
    rejected,
    duplicates: copies.groups,
    leaks: copies.leaks,
    notes: [
      ...notes,
      `Texts have ${lengths.median} characters at the median, ${lengths.p95} at the 95th percentile, ${lengths.most} at most.`,
      ...labelNotes(summary),
      ...labelKindNotes(summary),
    ],
    estimate: { examples: summary.examples, seconds: Math.ceil(seconds + summary.examples / TEXTS_A_SECOND), bytes },
  };
  const error = doubtfulLabels(summary, label) ?? whyInvalid(summary, rejected, { parts: 'rows', example: 'a text' });
  signal.throwIfAborted();
  await conclude(deps, found, { packKey, report, error }, seconds);
}

/** Far beyond what `doubtfulLabels` takes: counting on would only cost memory. */
const TOO_MANY_LABELS = 20_000;
const tooManyLabels = (named: string | undefined): GraftError =>
  new GraftError(
    'dataset-invalid',
    named === undefined
      ? `What was taken for the label has more than ${TOO_MANY_LABELS} different values. Is it the label? If not, name the column that is: ${howToName('label')}.`
      : `The column '${named}' that was named for the labels has more than ${TOO_MANY_LABELS} different values, and at most ${MOST_LABELS} classes are trained. Name the column of the classes: ${howToName('label')}.`,
  );

/** What a small encoder reads on two cores, for the estimate of a job. */
const TEXTS_A_SECOND = 200;
