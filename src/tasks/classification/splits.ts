import type { Example } from '../../domain/types.js';
import { permutation, random } from '../random.js';

export type SplitExample = Pick<Example, 'index' | 'label' | 'split' | 'digest'>;
export interface Splits<E> {
  readonly train: readonly E[];
  readonly validation: readonly E[];
  readonly test: readonly E[];
  /** Whether the dataset's own validation split was used. */
  readonly own: boolean;
}

export const DEFAULT_FRACTION = 0.2;

/**
 * Which examples train and which measure. The dataset's own validation split is used unless `fraction` is given; else
 * that share of each class (at least one of a class that has two) is drawn by `seed`. Copies of one picture (equal
 * digests) stay on one side of a drawn split, so that no drawn validation example was trained on. A test split is only measured.
 */
export function splitExamples<E extends SplitExample>(
  examples: readonly E[],
  fraction: number | null,
  seed: number,
): Splits<E> {
  const test = examples.filter((e) => e.split === 'test');
  const rest = examples.filter((e) => e.split !== 'test');
  const own = fraction === null && rest.some((e) => e.split === 'validation');
  if (own)
    return {
      train: rest.filter((e) => e.split !== 'validation'),
      validation: rest.filter((e) => e.split === 'validation'),
      test,
      own,
    };
  const held = new Set<E>();
  const classes = groupBy(rest, (e) => e.label ?? '');
  for (const label of [...classes.keys()].sort()) {
    const groups = [...groupBy(classes.get(label)!, (e) => e.digest ?? `#${e.index}`).values()];
    const wanted = Math.min(groups.length - 1, Math.max(1, Math.round(groups.length * (fraction ?? DEFAULT_FRACTION))));
    const order = permutation(groups.length, random(seed ^ hash(label)));
    for (let i = 0; i < wanted; i++) for (const e of groups[order[i]!]!) held.add(e);
  }
  return { train: rest.filter((e) => !held.has(e)), validation: rest.filter((e) => held.has(e)), test, own };
}

/** Folds 0..k-1 for cross-validation, every class spread evenly over them; `labels` are class numbers. */
export function stratifiedFolds(labels: ArrayLike<number>, k: number, seed: number): Uint8Array {
  const folds = new Uint8Array(labels.length);
  const byClass = groupBy(
    Array.from({ length: labels.length }, (_, i) => i),
    (i) => labels[i]!,
  );
  const next = random(seed ^ 0x5f01d5);
  let start = 0;
  for (const label of [...byClass.keys()].sort((a, b) => a - b)) {
    const members = byClass.get(label)!;
    const order = permutation(members.length, next);
    for (let i = 0; i < members.length; i++) folds[members[order[i]!]!] = (start + i) % k;
    // The next class goes on where this one ended, so that folds differ by one at most.
    start = (start + members.length) % k;
  }
  return folds;
}

function groupBy<T, K>(items: readonly T[], key: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const list = groups.get(key(item));
    if (list) list.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}

/** FNV-1a over UTF-16 units. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
