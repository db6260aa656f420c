import { readFile } from 'node:fs/promises';
import type { TokenizerFiles } from '../data/text/tokenizer-files.js';
import type { RunSpec } from './messages.js';
import { jsonFile, type SmallFile } from './small-file.js';
import { classifierFiles } from './text-model-files.js';

/** What a stranger needs besides `model.onnx`: labels, how inputs are prepared, and the card. */
export async function smallFiles(
  { input }: Pick<RunSpec, 'input'>,
  labels: readonly string[],
  card: string,
): Promise<readonly SmallFile[]> {
  const own =
    input.kind === 'image'
      ? [jsonFile('preprocessing.json', input.preprocessing)]
      : classifierFiles(JSON.parse(await readFile(input.tokenizer.path, 'utf8')) as TokenizerFiles, input.text, labels);
  return [
    jsonFile('labels.json', labels),
    ...own,
    { name: 'README.md', contentType: 'text/markdown; charset=utf-8', content: card },
  ];
}
