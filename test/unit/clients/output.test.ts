import { afterEach, expect, it, vi } from 'vitest';
import { createOutput } from '../../../clients/cli/output.js';

afterEach(() => vi.restoreAllMocks());

it('says a problem once where its only item is the whole sentence', () => {
  const lines: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((line) => lines.push(String(line)) > 0);
  const detail = 'The dataset has 1 label; at least 2 are needed.';
  const problem = { type: 'about:blank', title: 'Dataset invalid', status: 422, code: 'dataset-invalid' as const };
  const out = createOutput({ json: false, colour: false });
  out.problem({ ...problem, detail, errors: [{ path: '', code: 'one-label', detail }] });
  expect(lines.join('').split(detail)).toHaveLength(2);

  const items = [{ path: 'bees', code: 'label-too-small', detail: "Label 'bees' has 1 training example." }];
  out.problem({ ...problem, detail: 'Labels are too small.', errors: items });
  expect(lines.join('')).toContain("- bees: Label 'bees' has 1 training example. [label-too-small]");
});
