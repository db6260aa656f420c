import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TextInput } from '../../../src/domain/types.js';
import { encodeModel, linearHead, type Model } from '../../../src/onnx/index.js';
import { composeExport } from '../../../src/tasks/text-classification/compose.js';
import { textCard } from '../../../workers/training/cards/text-card.js';
import type { TokenReport } from '../../../workers/training/messages.js';
import { classifierFiles } from '../../../workers/training/text-model-files.js';
import { smallBert } from '../../support/bert.js';
import { run } from '../../support/onnx.js';

const TEXT: TextInput = {
  inputs: { ids: 'input_ids', mask: 'attention_mask', types: null },
  ...{ maxLength: 12, padId: 0, vocabulary: 40, pooling: 'mean' },
};
const LENGTH = 12;
const LABELS = ['no', 'yes'];
const REPORT: TokenReport = {
  ...{ texts: 9, limit: LENGTH, long: 0, windows: 9, truncated: 0, unknownShare: 0 },
  longText: 'truncate',
  lengths: { median: 3, p95: 5, most: 6 },
};
const WORDS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'read', 'this', '.'];
const file = (model: Model) => Buffer.concat(encodeModel(model));
const head = file(
  linearHead({
    ...{ features: 8, classes: 2, opset: 13, probabilities: true },
    ...{ weight: Float32Array.from({ length: 16 }, (_, i) => Math.sin(i)), bias: Float32Array.of(0.25, -0.5) },
  }),
);
const exported = (length?: number): Buffer =>
  Buffer.concat(
    composeExport(file(smallBert(length === undefined ? {} : { length })), head, {
      ...{ cut: 'last_hidden_state', labels: LABELS, text: TEXT, metadata: {} },
    }),
  );
const blockOf = (card: string, language: string): string =>
  new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(card)![1]!;

describe("the card's JavaScript, as it stands", () => {
  let root: string;
  beforeAll(async () => {
    // Below node_modules, where the library is found.
    const cache = join(import.meta.dirname, '../../../node_modules/.cache');
    await mkdir(cache, { recursive: true });
    root = await mkdtemp(join(cache, 'text-card-'));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  it.each([
    ['any length', null],
    ['one length', LENGTH],
  ])('says of a text what a model of %s says', async (_, length) => {
    const at = join(root, String(length));
    const model = exported(length ?? undefined);
    await mkdir(join(at, 'folder'), { recursive: true });
    const files = classifierFiles({ 'vocab.txt': `${WORDS.join('\n')}\n` }, TEXT, LABELS);
    for (const { name, content } of files) await writeFile(join(at, 'folder', name), content);
    await writeFile(join(at, 'folder/model.onnx'), model);
    const code = blockOf(textCard(REPORT, TEXT, length).use, 'js').replace('console.log(', 'JSON_LOG(');
    await writeFile(join(at, 'use.mjs'), `const JSON_LOG = (x) => console.log(JSON.stringify(x));\n${code}`);
    const { stdout } = await promisify(execFile)(process.execPath, ['use.mjs'], { cwd: at });

    const ids = [2, 4, 5, 6, 3];
    const row = (of: (id: number, i: number) => number) => ({
      dataType: 'int64' as const,
      dims: [1, length ?? ids.length],
      data: BigInt64Array.from({ length: length ?? ids.length }, (_, i) => BigInt(of(ids[i] ?? 0, i))),
    });
    const feeds = { input_ids: row((id) => id), attention_mask: row((_id, i) => (i < ids.length ? 1 : 0)) };
    const probabilities = [...((await run(model, feeds)).probabilities!.data as Float32Array)];
    const best = probabilities[0]! > probabilities[1]! ? 0 : 1;
    const [answer] = JSON.parse(stdout) as [{ label: string; score: number }];
    expect(answer.label).toBe(LABELS[best]);
    expect(answer.score).toBeCloseTo(probabilities[best]!, 4);
  });
});

it('the Python of the card pads where the file takes one length', () => {
  const python = (length: number | null) => blockOf(textCard(REPORT, TEXT, length).use, 'python');
  expect(python(null)).toContain('tokenizer.no_padding()');
  expect(python(LENGTH)).toContain('tokenizer.enable_padding(length=12, pad_id=text["padId"])');
});
