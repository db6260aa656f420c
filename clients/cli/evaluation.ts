import type { Output } from './output.js';

/** The stored evaluation, as far as the tables here show it. */
interface Evaluation {
  readonly accuracy: number;
  readonly accuracyInterval: { low: number; high: number };
  readonly baseline: { label: string; accuracy: number };
  readonly examples: number;
  readonly logLoss: number;
  readonly calibration: { ece: number };
  readonly classes: readonly { label: string; precision: number; recall: number; f1: number; support: number }[];
  readonly confusion: { labels: readonly string[]; matrix: readonly (readonly number[])[] };
}

const percent = (value: number) => `${(value * 100).toFixed(1)} %`;
/** More classes than this do not fit a screen; `--json` has them all. */
const SHOWN = 20;

/** Accuracy with its interval, then a row per class, then who was taken for whom. */
export function showEvaluation(raw: Record<string, unknown>, out: Output): void {
  const e = raw as unknown as Evaluation;
  const { low, high } = e.accuracyInterval;
  out.text(
    `Accuracy ${percent(e.accuracy)} (95 % interval ${percent(low)} to ${percent(high)}) on ${e.examples} validation examples; always '${e.baseline.label}': ${percent(e.baseline.accuracy)}`,
  );
  out.text(`Log loss ${e.logLoss.toFixed(3)}, calibration error ${percent(e.calibration.ece)}\n`);
  const rows = e.classes.slice(0, SHOWN);
  out.table([
    ['label', 'precision', 'recall', 'F1', 'examples'],
    ...rows.map((row) => [row.label, percent(row.precision), percent(row.recall), percent(row.f1), row.support]),
  ]);
  if (e.classes.length > SHOWN) {
    out.text(`… and ${e.classes.length - SHOWN} more`);
    return;
  }
  const { labels, matrix } = e.confusion;
  out.text('');
  out.table([['actual \\ predicted', ...labels], ...matrix.map((row, i) => [labels[i]!, ...row])]);
}
