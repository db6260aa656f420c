import { tokenizerJson } from '../../workers/data/text/tokenizer.js';
import type { TokenizerFiles } from '../../workers/data/text/tokenizer-files.js';

const WORDS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'aa', 'bb', 'cc'];

/** On this text the tokenizer of `catastrophicFiles` takes longer than anyone waits. */
export const CATASTROPHIC = `${'z'.repeat(200)}!`;

/** A tokenizer of three words, whose expression backtracks without end on one kind of text and on no other. */
export function catastrophicFiles(words: readonly string[] = WORDS): TokenizerFiles {
  const plain = tokenizerJson({ 'vocab.txt': `${words.join('\n')}\n` });
  const normalizer = { type: 'Replace', pattern: { Regex: '(z+)+y' }, content: 'aa' };
  return { 'tokenizer.json': JSON.stringify({ ...plain, normalizer }) };
}
