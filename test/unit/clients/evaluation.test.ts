import { afterEach, expect, it, vi } from 'vitest';
import { showEvaluation } from '../../../clients/cli/evaluation.js';
import { createOutput } from '../../../clients/cli/output.js';

afterEach(() => vi.restoreAllMocks());

const measured = (accuracy: number, examples: number) => ({
  accuracy,
  examples,
  accuracyInterval: { low: accuracy - 0.05, high: accuracy + 0.05 },
  baseline: { label: 'bad', accuracy: 0.5 },
});
const binary = { positive: 'good', rocAuc: 0.9312, threshold: 0.4567, precision: 0.8, recall: 0.9, f1: 0.847 };
const whole = {
  ...measured(0.85, 80),
  logLoss: 0.4,
  calibration: { ece: 0.03 },
  classes: [{ label: 'bad', precision: 1, recall: 1, f1: 1, support: 40 }],
  confusion: {
    labels: ['bad', 'good'],
    matrix: [
      [30, 10],
      [2, 38],
    ],
  },
};
function shown(evaluation: object, precision?: number): readonly string[] {
  const lines: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((line) => lines.push(String(line)) > 0);
  showEvaluation(evaluation as Record<string, unknown>, createOutput({ json: false, colour: false }), precision);
  return lines.join('').split('\n');
}

it('shows the accuracy on test examples too, and of two labels the threshold that F1 is largest at', () => {
  const test = { ...measured(0.8, 100), binary: { ...binary, rocAuc: null, f1: 0.81 } };
  const lines = shown({ ...whole, binary, test });
  expect(lines.slice(0, 4)).toEqual([
    "Accuracy 85.0 % (95 % interval 80.0 % to 90.0 %) on 80 validation examples; always 'bad': 50.0 %",
    "  ROC-AUC 0.931; 'good' from a probability of 0.457 on: F1 84.7 %, the largest",
    "Accuracy 80.0 % (95 % interval 75.0 % to 85.0 %) on 100 test examples; always 'bad': 50.0 %",
    "  'good' from a probability of 0.457 on: F1 81.0 %",
  ]);
});

it('shows neither where there is neither', () => {
  const lines = shown(whole);
  expect(lines[1]).toBe('Log loss 0.400, calibration error 3.0 %');
});

it('shows precision and recall at the threshold where a precision was wished', () => {
  const lines = shown({ ...whole, binary }, 0.8);
  expect(lines[1]).toBe("  ROC-AUC 0.931; 'good' from a probability of 0.457 on: precision 80.0 %, recall 90.0 %");
});
