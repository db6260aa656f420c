import type { Output } from './output.js';

/** The stored evaluation, as far as the tables here show it. */
interface Evaluation {
  readonly accuracy?: number;
  readonly accuracyInterval?: { low: number; high: number };
  readonly majorityBaseline?: number;
  readonly examples?: number;
  readonly logLoss?: number;
  readonly calibrationError?: number;
  readonly perClass?: readonly { label: string; precision: number; recall: number; f1: number; support: number }[];
  readonly confusion?: { labels: readonly string[]; matrix: readonly (readonly number[])[] };
}

const percent = (value: number | undefined) => (value === undefined ? '-' : `${(value * 100).toFixed(1)} %`);
const SHOWN = 20;

/** Accuracy with its interval, then a row per class, then who was taken for whom. */
export function showEvaluation(raw: Record<string, unknown>, out: Output): void {
  const e = raw as Evaluation;
  const interval = e.accuracyInterval;
  const range = interval === undefined ? '' : ` (95 % interval ${percent(interval.low)} to ${percent(interval.high)})`;
  out.text(
    `Accuracy ${percent(e.accuracy)}${range} on ${e.examples ?? '?'} validation examples; always guessing the largest class: ${percent(e.majorityBaseline)}`,
  );
  if (e.logLoss !== undefined)
    out.text(`Log loss ${e.logLoss.toFixed(3)}, calibration error ${percent(e.calibrationError)}`);
  if (e.perClass !== undefined) {
    out.text('');
    out.table([
      ['label', 'precision', 'recall', 'F1', 'examples'],
      ...e.perClass
        .slice(0, SHOWN)
        .map((row) => [row.label, percent(row.precision), percent(row.recall), percent(row.f1), row.support]),
    ]);
    if (e.perClass.length > SHOWN) out.text(`… and ${e.perClass.length - SHOWN} more`);
  }
  if (e.confusion !== undefined && e.confusion.labels.length <= SHOWN) {
    out.text('');
    out.table([
      ['actual \\ predicted', ...e.confusion.labels],
      ...e.confusion.matrix.map((row, i) => [e.confusion!.labels[i]!, ...row]),
    ]);
  }
}
