import type { DatasetReport, DatasetSummary, Example, Split } from '../../src/domain/types.js';
import { type ProblemItem, type StoredProblem, storedProblem } from '../../src/errors.js';
import { type Hashed, nearDuplicates } from './near-duplicates.js';

/** Lists in the report are cut here; the counts are not. */
export const SHOWN = 1000;
/** A head cannot be checked by cross-validation on less. */
export const MIN_TRAIN_PER_LABEL = 2;

/** An example without a split is one of training until the job sets some aside. */
const splitOf = (example: Example): Split => example.split ?? 'train';

/** Counts examples as they come. */
export function summaryCounter() {
  const labels = new Map<string, { name: string; train: number; validation: number; test: number }>();
  const splits = { train: 0, validation: 0, test: 0 };
  let examples = 0;
  let rejected = 0;
  return {
    add(example: Example): void {
      if (example.problem !== null || example.label === null) {
        rejected++;
        return;
      }
      const row = labels.get(example.label) ?? { name: example.label, train: 0, validation: 0, test: 0 };
      row[splitOf(example)]++;
      splits[splitOf(example)]++;
      labels.set(example.label, row);
      examples++;
    },
    /** Different labels so far. */
    labels: () => labels.size,
    summary(duplicates: number, leaks: number): DatasetSummary {
      const sorted = [...labels.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
      return { examples, labels: sorted, splits, rejected, duplicates, leaks };
    },
  };
}

export function summarise(examples: readonly Example[], duplicates: number, leaks: number): DatasetSummary {
  const counter = summaryCounter();
  for (const example of examples) counter.add(example);
  return counter.summary(duplicates, leaks);
}

/** Groups of equal and of similar pictures, and those of them that stand on both sides of a split. */
export function findCopies(examples: readonly Example[], hashes: readonly Hashed[]) {
  const kept = examples.filter((example) => example.problem === null && example.digest !== null);
  const byDigest = new Map<string, Example[]>();
  for (const example of kept) byDigest.set(example.digest!, [...(byDigest.get(example.digest!) ?? []), example]);
  const byIndex = new Map(kept.map((example) => [example.index, example]));
  const exact = [...byDigest.values()]
    .filter((group) => group.length > 1)
    .map((group) => ({ kind: 'exact' as const, group }));
  const firsts = new Set([...byDigest.values()].map((group) => group[0]!.index));
  const near = nearDuplicates(hashes.filter((hash) => firsts.has(hash.index))).map((group) => ({
    kind: 'near' as const,
    group: group.flatMap((index) => byIndex.get(index) ?? []),
  }));
  const all = [...exact, ...near];
  const leaks = all.flatMap(({ kind, group }) => {
    const train = group.find((example) => splitOf(example) === 'train');
    if (train === undefined) return [];
    const outside = group.filter((example) => splitOf(example) !== 'train');
    return outside.map((example) => ({ kind, train: train.path, other: example.path, split: splitOf(example) }));
  });
  return {
    groups: all.map(({ kind, group }) => ({ kind, paths: group.map((example) => example.path) })),
    extra: all.reduce((sum, { group }) => sum + group.length - 1, 0),
    leaks,
  };
}

/** Labels that differ only in case or spaces, and classes far smaller than the largest. */
export function labelNotes(summary: DatasetSummary): string[] {
  const notes: string[] = [];
  const alike = new Map<string, string[]>();
  for (const { name } of summary.labels) {
    const key = name.toLowerCase().replace(/[\s_-]+/g, ' ');
    alike.set(key, [...(alike.get(key) ?? []), name]);
  }
  for (const names of alike.values()) {
    if (names.length > 1)
      notes.push(
        `The labels ${names.map((name) => `'${name}'`).join(' and ')} differ only in case or spacing; are they one?`,
      );
  }
  const counts = summary.labels.map((label) => label.train);
  const most = Math.max(...counts);
  for (const label of summary.labels) {
    if (label.train > 0 && label.train * 20 < most)
      notes.push(`'${label.name}' has ${label.train} training examples, the largest class ${most}.`);
  }
  return notes;
}

/** What the parts of a dataset are called: 'files' that hold 'a picture', 'rows' that hold 'a text'. */
export interface DatasetWords {
  readonly parts: string;
  readonly example: string;
}
const PICTURES: DatasetWords = { parts: 'files', example: 'a picture' };

/** Everything that keeps the dataset from being trained on, at once; null when nothing does. */
export function whyInvalid(
  summary: DatasetSummary,
  rejected: readonly ProblemItem[],
  words: DatasetWords = PICTURES,
): StoredProblem | null {
  const items: ProblemItem[] = [];
  const sentences: string[] = [];
  const say = (path: string, code: string, detail: string) => {
    items.push({ path, code, detail });
    sentences.push(detail);
  };
  if (summary.examples === 0)
    say(
      '',
      'no-examples',
      `None of the ${summary.rejected} ${words.parts} can be read as ${words.example} with a label.`,
    );
  else if (summary.labels.length < 2) {
    say(
      '',
      'one-label',
      `All ${summary.examples} examples have the label '${summary.labels[0]!.name}'; at least 2 labels are needed.`,
    );
  }
  for (const label of summary.labels) {
    if (label.train >= MIN_TRAIN_PER_LABEL) continue;
    const has = label.train === 0 ? 'no training example' : 'one training example';
    const elsewhere = label.validation + label.test;
    const detail = `Label '${label.name}' has ${has}${elsewhere > 0 ? ` (${elsewhere} in validation and test)` : ''}; at least ${MIN_TRAIN_PER_LABEL} are needed.`;
    say(label.name, 'label-too-small', detail);
  }
  if (items.length === 0) return null;
  const unread =
    summary.rejected > 0 && summary.examples > 0
      ? `${summary.rejected} of ${summary.rejected + summary.examples} ${words.parts} cannot be used. `
      : '';
  const detail =
    unread + sentences.slice(0, 5).join(' ') + (sentences.length > 5 ? ` And ${sentences.length - 5} more.` : '');
  return storedProblem('dataset-invalid', detail, [...items, ...rejected].slice(0, 100));
}

export function reportOf(
  format: string,
  summary: DatasetSummary,
  examples: readonly Example[],
  copies: ReturnType<typeof findCopies>,
  notes: readonly string[],
  estimate: DatasetReport['estimate'],
): DatasetReport {
  const rejected = examples.flatMap((example) =>
    example.problem === null ? [] : [{ path: example.path, ...example.problem }],
  );
  return {
    format,
    summary,
    rejected: rejected.slice(0, SHOWN),
    duplicates: copies.groups.slice(0, SHOWN),
    leaks: copies.leaks.slice(0, SHOWN),
    notes,
    estimate,
  };
}
