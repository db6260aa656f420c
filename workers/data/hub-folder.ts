import { join } from 'node:path';
import { GraftError } from '../../src/errors.js';
import { type ArchiveLimits, extractFiles, LIMITS, listArchive, readArchive } from './archive.js';
import { besideModel, modelOf, POOLING, weightPaths } from './hub-files.js';
import { TOKENIZER_FILES, type TokenizerFiles } from './text/tokenizer-files.js';
import { weightFiles, writeWhole } from './whole-model.js';

/** What a zipped folder of a model hub holds of use: the model and the settings beside it. */
export interface HubFolder {
  /** The file that was written: the whole model, weights included that lay beside it. */
  readonly model: string;
  readonly preprocessorConfig?: unknown;
  readonly config?: unknown;
  /** Files of a tokenizer, by name; empty where there are none. */
  readonly tokenizer: TokenizerFiles;
  /** How sentence-transformers say that token vectors are pooled (`1_Pooling/config.json`). */
  readonly poolingConfig?: unknown;
}

/** Models are larger than pictures. */
const MODEL_LIMITS: ArchiveLimits = {
  ...LIMITS,
  entries: 10_000,
  entryBytes: 4 * 1024 ** 3,
  totalBytes: 8 * 1024 ** 3,
};
type Setting = 'preprocessorConfig' | 'config' | 'poolingConfig';
function json(path: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new GraftError('base-invalid', `${path} is no JSON: ${(error as Error).message}`);
  }
}

const EXPECTED =
  'Expected is onnx/model.onnx or model.onnx, with config.json and preprocessor_config.json beside it or in the folder above.';
const SETTING: Readonly<Record<string, Setting>> = {
  'preprocessor_config.json': 'preprocessorConfig',
  'config.json': 'config',
  [POOLING]: 'poolingConfig',
};

/**
 * Reads the archive at `path`; the model is written into the folder `scratch`.
 * @throws GraftError `archive-invalid`, or `base-invalid` naming what is missing.
 */
export async function readHubFolder(path: string, scratch: string): Promise<HubFolder> {
  const { kind, entries } = await listArchive(path, MODEL_LIMITS);
  const paths = entries.map((entry) => entry.path);
  const modelPath = modelOf(paths, 'The archive', EXPECTED);
  const names = besideModel(paths, modelPath);
  let found: Buffer | null = null;
  const read: { [setting in Setting]?: unknown } = {};
  const tokenizer: Record<string, string> = {};
  for await (const file of readArchive(path, kind, new Set([modelPath, ...names.keys()]))) {
    const name = names.get(file.path);
    if (name === undefined) {
      found = file.bytes;
      continue;
    }
    const text = file.bytes.toString('utf8');
    const setting = SETTING[name];
    if (setting !== undefined) read[setting] = json(file.path, text);
    if (TOKENIZER_FILES.includes(name as never)) tokenizer[name] = text;
  }
  const bytes = found!;
  const weights = weightFiles(bytes);
  const inside = weightPaths(paths, modelPath, weights, 'The archive');
  const extracted = inside.map((_, i) => join(scratch, `weights-${i}`));
  if (inside.length > 0) await extractFiles(path, kind, new Map(inside.map((name, i) => [name, extracted[i]!])));
  const model = join(scratch, 'model.onnx');
  await writeWhole(bytes, new Map(weights.map((name, i) => [name, extracted[i]!])), model);
  return { model, tokenizer, ...read };
}
