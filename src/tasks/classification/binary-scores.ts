/** What is said of a classifier of two labels besides its accuracy. Plain JSON: it is stored and served as it is. */
export interface BinaryScores {
  /** The label whose probability is meant: the second. */
  readonly positive: string;
  /** Chance that a positive example is given a larger probability than another, ties half; null where one kind is missing. */
  readonly rocAuc: number | null;
  /** An example counts as positive from this probability on. */
  readonly threshold: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);

/**
 * `actual` holds class numbers, `probabilities` is row-major [n, 2]. Without a `threshold`, the one of the largest F1 is found,
 * in the middle between two probabilities; of equals the one nearest to 0.5.
 */
export function binaryScores(
  labels: readonly string[],
  actual: ArrayLike<number>,
  probabilities: Float32Array,
  threshold?: number,
): BinaryScores {
  const scored = scoredOf(actual, probabilities);
  const positives = scored.filter((s) => s.positive).length;
  const at = threshold ?? bestThreshold(scored, positives);
  const chosen = scored.filter((s) => s.score >= at);
  const hits = chosen.filter((s) => s.positive).length;
  const [precision, recall] = [ratio(hits, chosen.length), ratio(hits, positives)];
  const f1 = ratio(2 * hits, chosen.length + positives);
  return { positive: labels[1]!, rocAuc: rocAuc(scored, positives), threshold: at, precision, recall, f1 };
}

/**
 * The threshold from which on at least this share of what counts as positive is positive, and which finds most of the positives; in
 * the middle between two probabilities. `reached` is the largest precision of any threshold. Arguments as of `binaryScores`.
 */
export function thresholdOf(
  actual: ArrayLike<number>,
  probabilities: Float32Array,
  precision: number,
): { readonly threshold: number | null; readonly reached: number } {
  let [chosen, hits] = [0, 0];
  let found: { threshold: number | null; reached: number } = { threshold: null, reached: 0 };
  const groups = [...ties(scoredOf(actual, probabilities))];
  for (const [i, { score, of, positives }] of groups.entries()) {
    chosen += of;
    hits += positives;
    const now = ratio(hits, chosen);
    const threshold = now >= precision && positives > 0 ? between(score, groups[i + 1]?.score) : found.threshold;
    found = { threshold, reached: Math.max(found.reached, now) };
  }
  return found;
}

const between = (score: number, next: number | undefined): number => (score + (next ?? 0)) / 2;

function scoredOf(actual: ArrayLike<number>, probabilities: Float32Array): Scored {
  return Array.from({ length: actual.length }, (_, i) => ({
    score: probabilities[2 * i + 1]!,
    positive: actual[i] === 1,
  })).sort((a, b) => b.score - a.score);
}

type Scored = readonly { readonly score: number; readonly positive: boolean }[];

/** Examples of one score, from the largest score down. */
function* ties(scored: Scored): Generator<{ readonly score: number; readonly of: number; readonly positives: number }> {
  for (let from = 0, to = 0; from < scored.length; from = to) {
    let positives = 0;
    const { score } = scored[from]!;
    for (; to < scored.length && scored[to]!.score === score; to++) if (scored[to]!.positive) positives++;
    yield { score, of: to - from, positives };
  }
}

/** The Mann-Whitney statistic over the number of pairs. */
function rocAuc(scored: Scored, positives: number): number | null {
  const negatives = scored.length - positives;
  if (positives === 0 || negatives === 0) return null;
  let below = negatives;
  let won = 0;
  for (const tie of ties(scored)) {
    const others = tie.of - tie.positives;
    below -= others;
    won += tie.positives * (below + others / 2);
  }
  return won / (positives * negatives);
}

function bestThreshold(scored: Scored, positives: number): number {
  let [best, at] = [0, 0.5];
  let [chosen, hits] = [0, 0];
  const groups = [...ties(scored)];
  for (const [i, { score, of, positives: found }] of groups.entries()) {
    chosen += of;
    hits += found;
    const f1 = ratio(2 * hits, chosen + positives);
    const threshold = between(score, groups[i + 1]?.score);
    if (f1 < best || (f1 === best && Math.abs(threshold - 0.5) >= Math.abs(at - 0.5))) continue;
    [best, at] = [f1, threshold];
  }
  return at;
}
