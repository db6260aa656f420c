import type { BinaryScore } from '../api/client.js';
import type { Output } from './output.js';

/** What is measured on one split. */
interface Measured {
  readonly accuracy: number;
  readonly accuracyInterval: { low: number; high: number };
  readonly baseline: { label: string; accuracy: number };
  readonly examples: number;
  /** Of two labels. */
  readonly binary?: BinaryScore;
}
/** The stored evaluation, as far as the tables here show it. */
interface Evaluation extends Measured {
  /** On examples that were set aside before training; null or left out where there are none. */
  readonly test?: Measured | null;
  readonly logLoss: number;
  readonly calibration: { ece: number };
  readonly classes: readonly { label: string; precision: number; recall: number; f1: number; support: number }[];
  readonly confusion: { labels: readonly string[]; matrix: readonly (readonly number[])[] };
}

const percent = (value: number) => `${(value * 100).toFixed(1)} %`;
/** More classes than this do not fit a screen; `--json` has them all. */
const SHOWN = 20;

/** Accuracy on one split with its interval, and of two labels a line on the threshold between them. */
function showMeasured(measured: Measured, split: string, out: Output, precision?: number): void {
  const { accuracy, accuracyInterval, baseline, examples, binary } = measured;
  const { low, high } = accuracyInterval;
  out.text(
    `Accuracy ${percent(accuracy)} (95 % interval ${percent(low)} to ${percent(high)}) on ${examples} ${split} examples; always '${baseline.label}': ${percent(baseline.accuracy)}`,
  );
  if (binary === undefined) return;
  const auc = binary.rocAuc === null ? '' : `ROC-AUC ${binary.rocAuc.toFixed(3)}; `;
  // Chosen on validation examples, and only measured on the others.
  const chosen = split === 'validation' ? ', the largest' : '';
  const scores =
    precision === undefined
      ? `F1 ${percent(binary.f1)}${chosen}`
      : `precision ${percent(binary.precision)}, recall ${percent(binary.recall)}`;
  out.text(`  ${auc}'${binary.positive}' from a probability of ${binary.threshold.toFixed(3)} on: ${scores}`);
}

/**
 * Accuracy on validation and test examples, then a row per class, then who was taken for whom. `precision`: the one that was wished,
 * which the threshold meets.
 */
export function showEvaluation(raw: Record<string, unknown>, out: Output, precision?: number): void {
  const e = raw as unknown as Evaluation;
  showMeasured(e, 'validation', out, precision);
  if (e.test) showMeasured(e.test, 'test', out, precision);
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
