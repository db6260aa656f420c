import type { TextInput } from '../../src/domain/types.js';
import { tokenizerJson, tokenOf } from '../data/text/tokenizer.js';
import type { TokenizerFiles } from '../data/text/tokenizer-files.js';
import { jsonFile, type SmallFile } from './small-file.js';

type Json = Readonly<Record<string, unknown>>;
const CONTENT_TYPES: Readonly<Record<string, string>> = { json: 'application/json', txt: 'text/plain; charset=utf-8' };

/**
 * The files beside `model.onnx` by which Hugging Face's libraries (transformers.js, optimum) load the folder: the tokenizer's as
 * they were uploaded, with those that these libraries want and that are missing, and a `config.json` with the labels.
 */
export function classifierFiles(
  files: TokenizerFiles,
  text: TextInput,
  labels: readonly string[],
): readonly SmallFile[] {
  const config = files['config.json'] === undefined ? {} : (JSON.parse(files['config.json']) as Json);
  const own = Object.entries(files)
    .filter(([name]) => name !== 'config.json')
    .map(
      ([name, content]): SmallFile => ({
        name,
        contentType: CONTENT_TYPES[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream',
        content,
      }),
    );
  const made: SmallFile[] = [];
  if (files['tokenizer.json'] === undefined) made.push(jsonFile('tokenizer.json', tokenizerJson(files)));
  if (files['tokenizer_config.json'] === undefined) {
    // Without it the libraries cannot pad.
    const pad = tokenOf(files, text.padId);
    made.push(
      jsonFile('tokenizer_config.json', {
        tokenizer_class: 'PreTrainedTokenizerFast',
        model_max_length: text.maxLength,
        ...(pad !== null && { pad_token: pad }),
      }),
    );
  }
  return [jsonFile('config.json', classifierConfig(config, text, labels)), ...own, ...made];
}

/** Words of a base's config.json that are about its own head, or its own home. */
const NOT_OURS = new Set([
  '_name_or_path',
  'finetuning_task',
  'task_specific_params',
  'num_labels',
  'transformers_version',
]);

/** The base's `config.json` as that of a classifier of these labels. */
function classifierConfig(config: Json, { inputs, padId, windows }: TextInput, labels: readonly string[]): Json {
  // What kind of encoder it is only decides which inputs are made for it.
  const type =
    typeof config.model_type === 'string' ? config.model_type : inputs.types === null ? 'distilbert' : 'bert';
  const [architecture] = Array.isArray(config.architectures) ? (config.architectures as unknown[]) : [];
  return {
    ...Object.fromEntries(Object.entries(config).filter(([name]) => !NOT_OURS.has(name))),
    model_type: type,
    architectures: [`${familyOf(architecture, type)}ForSequenceClassification`],
    id2label: Object.fromEntries(labels.map((label, id) => [id, label])),
    label2id: Object.fromEntries(labels.map((label, id) => [label, id])),
    pad_token_id: config.pad_token_id ?? padId,
    problem_type: 'single_label_classification',
    ...(windows && { long_text: { read_in: 'windows', ...windows, pooled: 'logits averaged, weighted by tokens' } }),
  };
}

/** `BertModel`, `BertForMaskedLM` -> `Bert`; from the type where the config names no architecture. */
function familyOf(architecture: unknown, type: string): string {
  const named = typeof architecture === 'string' ? /^(\w+?)(?:Model|For\w+)$/.exec(architecture)?.[1] : undefined;
  const known: Readonly<Record<string, string>> = { bert: 'Bert', distilbert: 'DistilBert' };
  return named ?? known[type] ?? type.charAt(0).toUpperCase() + type.slice(1);
}
