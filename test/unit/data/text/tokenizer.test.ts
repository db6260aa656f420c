import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openTokenizer } from '../../../../workers/data/text/tokenizer.js';
import type { TokenizerFiles } from '../../../../workers/data/text/tokenizer-files.js';
import { rowOf, spansOf } from '../../../../workers/data/text/windows.js';
import { sharedData } from '../../../support/data.js';

/** Made by test/fixtures/text-tokenizers.py with Hugging Face's own library. */
interface Fixture {
  readonly lines: readonly string[];
  readonly tokenizers: Readonly<Record<string, unknown>>;
  readonly ids: Readonly<Record<string, readonly (readonly number[])[]>>;
  readonly long: Readonly<Record<string, readonly [count: number, first: readonly number[]]>>;
}
const fixture = JSON.parse(
  gunzipSync(readFileSync(join(import.meta.dirname, '../../../fixtures/text-tokenizers.json.gz'))).toString(),
) as Fixture;
const minilm = sharedData('models/minilm-l6-v2');
const ALL = Number.MAX_SAFE_INTEGER;

function same(name: string, files: TokenizerFiles): void {
  const tokenizer = openTokenizer(files);
  const wrong = fixture.lines.flatMap((line, i) => {
    const { ids } = tokenizer.encode(line, ALL);
    return ids.join() === fixture.ids[name]![i]!.join() ? [] : [{ line, ids, wanted: fixture.ids[name]![i] }];
  });
  expect(wrong).toEqual([]);
  const [count, first] = fixture.long[name]!;
  const { ids } = tokenizer.encode('x'.repeat(100_000), ALL);
  expect([ids.length, ids.slice(0, 8)]).toEqual([count, first]);
}

describe('tokenizers', () => {
  it.each(['bpe', 'unigram', 'wordPiece'])('%s: the ids of Python on 1,000 lines of many scripts', (name) => {
    same(name, { 'tokenizer.json': JSON.stringify(fixture.tokenizers[name]) });
  });

  it.runIf(minilm)('a tokenizer.json of a hub, and its vocab.txt alone: the ids of Python', () => {
    const file = (name: string) => readFileSync(join(minilm!, name), 'utf8');
    same('real', { 'tokenizer.json': file('tokenizer.json'), 'tokenizer_config.json': file('tokenizer_config.json') });
    same('real', { 'vocab.txt': file('vocab.txt') });
  });

  it('cuts long texts off before the special tokens, or into windows that overlap', () => {
    const tokenizer = openTokenizer({ 'tokenizer.json': JSON.stringify(fixture.tokenizers.wordPiece) });
    const { ids: all } = tokenizer.encode('a b c d e f g h', ALL);
    const inner = all.slice(1, -1);
    expect(tokenizer.encode('a b c d e f g h', 6)).toEqual({
      ids: [all[0], ...inner.slice(0, 4), all.at(-1)],
      cut: true,
      length: all.length,
    });
    expect(tokenizer.encode('a b', 6).cut).toBe(false);
    const { specials } = tokenizer;
    const ids = tokenizer.plain('a b c d e f g h');
    expect(ids).toEqual(inner);
    const rule = { specials, most: 6, windows: { overlap: 2, most: 9 } };
    const rows = spansOf(ids.length, rule).spans.map(({ from, to }) => rowOf(specials, ids.slice(from, to)));
    expect(rows).toEqual([
      [all[0], ...inner.slice(0, 4), all.at(-1)],
      [all[0], ...inner.slice(2, 6), all.at(-1)],
      [all[0], ...inner.slice(4, 8), all.at(-1)],
    ]);
  });

  it('says what its files tell of it', () => {
    const { padId, unknownId, vocabulary, maxLength } = openTokenizer({
      'tokenizer.json': JSON.stringify(fixture.tokenizers.bpe),
      'tokenizer_config.json': '{"pad_token": {"content": "<pad>"}, "unk_token": "<unk>", "model_max_length": 128}',
    });
    expect({ padId, unknownId, vocabulary, maxLength }).toEqual({
      padId: 1,
      unknownId: 3,
      vocabulary: 900,
      maxLength: 128,
    });
  });

  it.each([
    [{}, 'no tokenizer.json'],
    [{ 'tokenizer.json': '{' }, 'tokenizer.json is no JSON'],
    [{ 'tokenizer.json': '[]' }, 'tokenizer.json holds no JSON object'],
    [{ 'tokenizer.json': '{"model": {"type": "Nothing"}}' }, 'tokenizer.json cannot be used'],
    [{ 'vocab.txt': 'one\ntwo\n' }, 'vocab.txt lacks the token [CLS]'],
  ])('refuses %j in words', (files, words) => {
    expect(() => openTokenizer(files as TokenizerFiles)).toThrow(words);
  });
});
