import { Tokenizer } from '@huggingface/tokenizers';
import { GraftError } from '../../../src/errors.js';
import type { SpecialTokens } from './token-messages.js';
import type { TokenizerFiles } from './tokenizer-files.js';

export interface TextTokenizer {
  /**
   * Ids of a text, special tokens included, cut off behind `most` ids so that the special ones at its end stay. `length` is
   * how many it has uncut.
   */
  encode(
    text: string,
    most: number,
  ): { readonly ids: readonly number[]; readonly cut: boolean; readonly length: number };
  /** Ids of a text alone, all of them. */
  plain(text: string): readonly number[];
  readonly specials: SpecialTokens;
  readonly padId: number;
  readonly unknownId: number | null;
  /** One more than the largest id that it may give. */
  readonly vocabulary: number;
  /** What its files say of the longest input; null where they say nothing of use. */
  readonly maxLength: number | null;
}

/**
 * A tokenizer from its files, as `tokenizers` of Hugging Face defines them. `vocab.txt` alone is taken for BERT's WordPiece.
 * Throws `base-invalid` saying which file is missing or wrong.
 */
export function openTokenizer(files: TokenizerFiles): TextTokenizer {
  const config = parsed(files, 'tokenizer_config.json') ?? {};
  const about = parsed(files, 'config.json') ?? {};
  const whole = tokenizerJson(files);
  let tokenizer: Tokenizer;
  try {
    tokenizer = new Tokenizer(whole, config);
  } catch (error) {
    throw new GraftError('base-invalid', `tokenizer.json cannot be used: ${(error as Error).message}`);
  }
  const { before, after } = specials(tokenizer);
  const pad = [config.pad_token, about.pad_token_id].map((token) => idOf(tokenizer, token)).find((id) => id !== null);
  const parted = partsIdeographs(whole.normalizer);
  const plain = (text: string): readonly number[] =>
    tokenizer.encode(parted ? text.replace(RARE_IDEOGRAPHS, ' $& ') : text, { add_special_tokens: false }).ids;
  const room = (most: number): number => Math.max(0, most - before.length - after.length);
  return {
    encode(text, most) {
      const ids = plain(text);
      const kept = room(most);
      const length = before.length + ids.length + after.length;
      return { ids: [...before, ...ids.slice(0, kept), ...after], cut: ids.length > kept, length };
    },
    plain,
    specials: { before, after },
    padId: pad ?? 0,
    unknownId: idOf(tokenizer, config.unk_token ?? '[UNK]') ?? idOf(tokenizer, '<unk>'),
    vocabulary: largestId(whole) + 1,
    maxLength: lengthOf(config.model_max_length),
  };
}

/** The tokenizer as `tokenizer.json` has it, made of `vocab.txt` where that file is missing. Throws `base-invalid`. */
export function tokenizerJson(files: TokenizerFiles): Json {
  const whole =
    parsed(files, 'tokenizer.json') ?? wordPiece(files['vocab.txt'], parsed(files, 'tokenizer_config.json') ?? {});
  if (whole !== null) return whole;
  throw new GraftError(
    'base-invalid',
    'The folder has no tokenizer.json (and no vocab.txt): a text base needs the tokenizer that it was trained with beside its model.',
  );
}

/** How the tokenizer of these files writes an id; null where it has none like it. Throws `base-invalid`. */
export function tokenOf(files: TokenizerFiles, id: number): string | null {
  const tokenizer = new Tokenizer(tokenizerJson(files), parsed(files, 'tokenizer_config.json') ?? {});
  return tokenizer.id_to_token(id) ?? null;
}

type Json = Readonly<Record<string, unknown>>;

function parsed(files: TokenizerFiles, name: string): Json | null {
  const text = files[name];
  if (text === undefined) return null;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  } catch (error) {
    throw new GraftError('base-invalid', `${name} is no JSON: ${(error as Error).message}`);
  }
  throw new GraftError('base-invalid', `${name} holds no JSON object.`);
}

/** What the tokenizer puts around a text; found by what it does, since templates come in many forms. */
function specials(tokenizer: Tokenizer): SpecialTokens {
  const inner = tokenizer.encode('a', { add_special_tokens: false }).ids;
  const { ids } = tokenizer.encode('a');
  for (let at = 0; at + inner.length <= ids.length; at++)
    if (inner.every((id: number, i: number) => ids[at + i] === id))
      return { before: ids.slice(0, at), after: ids.slice(at + inner.length) };
  throw new GraftError(
    'base-invalid',
    'The tokenizer changes a text where it adds special tokens; such a one is not taken.',
  );
}

/**
 * Ideographs beyond the basic plane. BERT's normalisation puts spaces around every ideograph; the library (0.2.0) does so for those
 * of the basic plane only, where Python's does for these too.
 */
const RARE_IDEOGRAPHS = /[\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;

function partsIdeographs(normalizer: unknown): boolean {
  if (typeof normalizer !== 'object' || normalizer === null) return false;
  const { type, handle_chinese_chars: parts, normalizers } = normalizer as Json;
  if (type === 'Sequence') return Array.isArray(normalizers) && normalizers.some(partsIdeographs);
  return type === 'BertNormalizer' && parts !== false;
}

/** A token is written as text, as an object with `content`, or as its id. */
function idOf(tokenizer: Tokenizer, token: unknown): number | null {
  if (typeof token === 'number') return token;
  const text = typeof token === 'string' ? token : (token as { content?: unknown } | null | undefined)?.content;
  return typeof text === 'string' ? (tokenizer.token_to_id(text) ?? null) : null;
}

/** Files without a limit say some astronomic number. */
const lengthOf = (said: unknown): number | null => (typeof said === 'number' && said > 0 && said < 1e6 ? said : null);

function largestId(whole: Json): number {
  const { vocab } = (whole.model ?? {}) as { vocab?: unknown };
  const added = ((whole.added_tokens ?? []) as readonly { id?: unknown }[]).map(({ id }) => Number(id));
  let most = Math.max(-1, ...added.filter(Number.isFinite));
  if (Array.isArray(vocab)) return Math.max(most, vocab.length - 1);
  for (const id of Object.values((vocab ?? {}) as Record<string, number>)) if (id > most) most = id;
  return most;
}

/** BERT's tokenizer, as `BertTokenizer` reads a bare vocabulary: a token a line. */
function wordPiece(vocabulary: string | undefined, config: Json): Json | null {
  if (vocabulary === undefined) return null;
  const tokens = vocabulary.replace(/\r?\n$/, '').split(/\r?\n/);
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const special = (name: string): number => {
    const id = vocab[name];
    if (id === undefined)
      throw new GraftError('base-invalid', `vocab.txt lacks the token ${name}; it is no vocabulary of BERT's.`);
    return id;
  };
  const [cls, sep, unk, pad] = ['[CLS]', '[SEP]', '[UNK]', '[PAD]'].map((name) => [name, special(name)] as const);
  const lower = config.do_lower_case !== false;
  return {
    added_tokens: [cls, sep, unk, pad].map((one) => ({ id: one![1], content: one![0], special: true })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: config.tokenize_chinese_chars !== false,
      strip_accents: config.strip_accents ?? null,
      lowercase: lower,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [
        { SpecialToken: { id: '[CLS]', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '[SEP]', type_id: 0 } },
      ],
      pair: [],
      special_tokens: {
        '[CLS]': { id: '[CLS]', ids: [cls![1]], tokens: ['[CLS]'] },
        '[SEP]': { id: '[SEP]', ids: [sep![1]], tokens: ['[SEP]'] },
      },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab,
    },
  };
}
