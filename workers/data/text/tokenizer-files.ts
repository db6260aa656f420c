/** The files of a tokenizer as a model hub keeps them, by name, as text. */
export type TokenizerFiles = Readonly<Record<string, string>>;
/** Files that are kept with a base; the first two are read, or `vocab.txt` where the first is missing. */
export const TOKENIZER_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'vocab.txt',
  'special_tokens_map.json',
  'config.json',
] as const;
