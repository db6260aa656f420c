import { GraftError } from '../../src/errors.js';
import { type ArchiveEntry, type ArchiveLimits, LIMITS, listArchive, readArchive } from './archive.js';
import { TOKENIZER_FILES, type TokenizerFiles } from './text/tokenizer-files.js';

/** What a zipped folder of a model hub holds of use: the model file and the settings beside it. */
export interface HubFolder {
  readonly modelPath: string;
  readonly model: Buffer;
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
/** Hubs keep variants side by side; the one in float32 is what can be trained. */
const PREFERRED = [/(^|\/)onnx\/model\.onnx$/, /(^|\/)model\.onnx$/];

type Setting = 'preprocessorConfig' | 'config' | 'poolingConfig';
function json(path: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new GraftError('base-invalid', `${path} is no JSON: ${(error as Error).message}`);
  }
}

function modelOf(entries: readonly ArchiveEntry[]): string {
  const models = entries.map((entry) => entry.path).filter((path) => path.endsWith('.onnx'));
  for (const wanted of PREFERRED) {
    const found = models.find((path) => wanted.test(path));
    if (found !== undefined) return found;
  }
  if (models.length === 1) return models[0]!;
  const what =
    models.length === 0 ? 'has no .onnx file' : `has ${models.length} .onnx files (${models.slice(0, 5).join(', ')})`;
  throw new GraftError(
    'base-invalid',
    `The archive ${what}; expected is onnx/model.onnx or model.onnx, with config.json and preprocessor_config.json beside it.`,
  );
}

/** @throws GraftError `archive-invalid`, or `base-invalid` naming what is missing. */
export async function readHubFolder(path: string): Promise<HubFolder> {
  const { kind, entries } = await listArchive(path, MODEL_LIMITS);
  const modelPath = modelOf(entries);
  const settings = new Map<string, Setting>();
  const files = new Map<string, string>();
  for (const { path: name } of entries) {
    const own = name.split('/').at(-1) as string;
    if (own === 'preprocessor_config.json') settings.set(name, 'preprocessorConfig');
    else if (/(^|\/)1_Pooling\/config\.json$/.test(name)) settings.set(name, 'poolingConfig');
    else if (own === 'config.json') settings.set(name, 'config');
    if (TOKENIZER_FILES.includes(own as never) && settings.get(name) !== 'poolingConfig') files.set(name, own);
  }
  let model: Buffer | null = null;
  const read: { [setting in Setting]?: unknown } = {};
  const tokenizer: Record<string, string> = {};
  for await (const file of readArchive(path, kind, new Set([modelPath, ...settings.keys(), ...files.keys()]))) {
    if (file.path === modelPath) {
      model = file.bytes;
      continue;
    }
    const text = file.bytes.toString('utf8');
    const setting = settings.get(file.path);
    if (setting !== undefined) read[setting] = json(file.path, text);
    const name = files.get(file.path);
    if (name !== undefined) tokenizer[name] = text;
  }
  return { modelPath, model: model!, tokenizer, ...read };
}
